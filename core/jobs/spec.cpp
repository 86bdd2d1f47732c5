#include "core/jobs/spec.hpp"

#include "core/jobs/defaults.hpp"
#include "core/machines/pools.hpp"

#include <fmt/format.h>

namespace troupe::core {

std::string read_spec(custom_job& job, const machine_table& machines) {
  auto spec = job.submitted->getJobSpec();
  auto scheduling = spec.getScheduling();
  job.timeout_micros = scheduling.getTimeout().getMicros();
  if (job.timeout_micros <= 0) job.timeout_micros = default_timeout_micros;
  job.max_wait_micros = 0;
  if (scheduling.getStrategy() == wire::Scheduling::Strategy::FLEX_START)
    job.max_wait_micros = scheduling.hasMaxWaitDuration()
                              ? scheduling.getMaxWaitDuration().getMicros()
                              : default_max_wait_micros;
  job.disable_retries = scheduling.getDisableRetries();
  job.restart_job_on_worker_restart =
      scheduling.getRestartJobOnWorkerRestart() && !job.disable_retries;
  job.pools.clear();
  for (uint32_t i = 0; i < spec.getWorkerPoolSpecs().size(); ++i) {
    auto pool = spec.getWorkerPoolSpecs()[i];
    uint32_t count = replica_count(pool);
    if (count == 0) continue;
    auto each = demand_of(machines, pool.getMachineSpec());
    if (!each) return fmt::format("workerPoolSpecs[{}].machineSpec: {}", i, each.error().message);
    job.pools.push_back({i, count, *each});
  }
  return job.pools.empty()
             ? "workerPoolSpecs: there is no replica in any pool; expected 1 in pool 0"
             : std::string();
}

} // namespace troupe::core
