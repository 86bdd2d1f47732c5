#include "core/jobs/launch.hpp"

#include "core/machines/pools.hpp"
#include "core/state/job_records.hpp"

namespace troupe::core {

using wire::text;

void fill_launch(wire::Launch::Builder launch, const custom_job& job,
                 const std::vector<replica*>& start, const std::vector<std::string>& metric_tags) {
  auto resource = *job.submitted;
  auto spec = resource.getJobSpec();
  launch.setJobId(job.id);
  launch.setAttempt(job.attempt);
  launch.setJobName(resource.getName());
  launch.setDisplayName(resource.getDisplayName());
  launch.setSpec(spec);
  auto pools = launch.initPools(spec.getWorkerPoolSpecs().size());
  for (uint32_t p = 0; p < pools.size(); ++p) {
    pools[p].setReducers(is_reducer_pool(spec.getWorkerPoolSpecs()[p]));
    std::vector<const replica*> members;
    for (const replica& r : job.replicas)
      if (r.pool == p) members.push_back(&r);
    auto endpoints = pools[p].initEndpoints(static_cast<uint32_t>(members.size()));
    for (uint32_t i = 0; i < endpoints.size(); ++i) {
      endpoints[i].setNode(text(members[i]->node));
      endpoints[i].setHost(text(members[i]->host));
      endpoints[i].setPort(members[i]->port);
      if (!members[i]->gpu_indices.empty())
        endpoints[i].setGpuIndices(
            kj::arrayPtr(members[i]->gpu_indices.data(), members[i]->gpu_indices.size()));
    }
  }
  auto replicas = launch.initReplicas(static_cast<uint32_t>(start.size()));
  for (uint32_t i = 0; i < replicas.size(); ++i)
    set_replica_id(replicas[i], job, *start[i]);
  if (job.trial != 0) launch.setTrialId(text(std::to_string(job.trial)));
  launch.setToken(text(job.token));
  launch.setProject(text(job.project));
  launch.setLocation(text(job.location));
  auto tags = launch.initMetricTags(static_cast<uint32_t>(metric_tags.size()));
  for (uint32_t i = 0; i < tags.size(); ++i)
    tags.set(i, text(metric_tags[i]));
}

} // namespace troupe::core
