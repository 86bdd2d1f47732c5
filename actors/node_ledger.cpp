#include "actors/node_ledger.hpp"

#include <algorithm>

namespace troupe::actors {

namespace {

// A trial's measurements beyond this many reports are dropped, oldest first: the controller keeps
// no more either.
constexpr size_t metric_reports_max = 1000;

} // namespace

void node_ledger::note(const wire::frame<wire::ReplicaStatus>& status) {
  const auto id = status->getId();
  std::lock_guard lock(mutex_);
  auto& replicas = attempts_[{id.getJobId(), id.getAttempt()}].replicas;
  const replica_key key{id.getPool(), id.getIndex(), id.getIncarnation()};
  auto known = replicas.find(key);
  // An end is final, whatever arrives late.
  if (known != replicas.end() && !wire::is_live(known->second->getPhase())) return;
  replicas.insert_or_assign(key, status);
}

void node_ledger::note(const wire::frame<wire::MetricReport>& metrics) {
  std::lock_guard lock(mutex_);
  auto& reports = attempts_[{metrics->getJobId(), metrics->getAttempt()}].metrics;
  reports.push_back(metrics);
  if (reports.size() > metric_reports_max)
    reports.erase(reports.begin(), reports.end() - metric_reports_max);
}

void node_ledger::forget(uint64_t job, uint32_t attempt) {
  std::lock_guard lock(mutex_);
  attempts_.erase({job, attempt});
}

void node_ledger::serve(std::string cluster_id) {
  std::lock_guard lock(mutex_);
  cluster_id_ = std::move(cluster_id);
}

wire::frame<wire::NodeHello> node_ledger::hello() const {
  const auto replicas = statuses();
  const auto measured = metrics();
  std::lock_guard lock(mutex_);
  return wire::frame<wire::NodeHello>::build([&](wire::NodeHello::Builder hello) {
    hello.setName(identity_.name);
    hello.setAddress(identity_.address);
    hello.setBootId(identity_.boot_id);
    hello.setAgentEpoch(identity_.agent_epoch);
    auto resources = hello.initResources();
    resources.setCpuMillis(identity_.cpu_millis);
    resources.setMemoryBytes(identity_.memory_bytes);
    resources.setGpus(identity_.gpus);
    resources.setGpuType(identity_.gpu_type);
    hello.setPortFirst(identity_.port_first);
    hello.setPortLast(identity_.port_last);
    hello.setVersion(identity_.version);
    hello.setClusterId(cluster_id_);
    auto list = hello.initReplicas(static_cast<unsigned>(replicas.size()));
    for (unsigned at = 0; at < replicas.size(); ++at)
      list.setWithCaveats(at, *replicas[at]);
    auto metric_list = hello.initMetrics(static_cast<unsigned>(measured.size()));
    for (unsigned at = 0; at < measured.size(); ++at)
      metric_list.setWithCaveats(at, *measured[at]);
  });
}

std::vector<wire::frame<wire::ReplicaStatus>> node_ledger::statuses() const {
  std::lock_guard lock(mutex_);
  std::vector<wire::frame<wire::ReplicaStatus>> found;
  for (const auto& [key, entry] : attempts_)
    for (const auto& [replica, status] : entry.replicas)
      found.push_back(status);
  return found;
}

std::vector<wire::frame<wire::MetricReport>> node_ledger::metrics() const {
  std::lock_guard lock(mutex_);
  std::vector<wire::frame<wire::MetricReport>> found;
  for (const auto& [key, entry] : attempts_)
    found.insert(found.end(), entry.metrics.begin(), entry.metrics.end());
  return found;
}

size_t node_ledger::live(uint64_t job, uint32_t attempt) const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& [key, entry] : attempts_)
    if (job == 0 || key == attempt_key{job, attempt})
      count += static_cast<size_t>(std::ranges::count_if(entry.replicas, [](const auto& replica) {
        return wire::is_live(replica.second->getPhase());
      }));
  return count;
}

std::vector<std::pair<uint64_t, uint32_t>> node_ledger::attempts() const {
  std::lock_guard lock(mutex_);
  std::vector<attempt_key> found;
  for (const auto& [key, entry] : attempts_)
    found.push_back(key);
  return found;
}

} // namespace troupe::actors
