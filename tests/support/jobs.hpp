// Job specs for tests, from the few words that a test is about.
#pragma once

#include "wire/custom_job.capnp.h"
#include "wire/frame.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::test {

struct pool_wish {
  int64_t count = 1;
  std::string machine = "custom-1-1024";
  uint32_t gpus = 0;
  wire::AcceleratorType gpu_type = wire::AcceleratorType::L4;
  std::string image = "host";
};

struct job_wish {
  std::string name = "job";
  std::vector<pool_wish> pools = {{}};
  bool disable_retries = false;
  bool restart_all = false;
  int64_t timeout_s = 0;
  wire::Scheduling::Strategy strategy = wire::Scheduling::Strategy::UNSPECIFIED;
  int64_t max_wait_s = -1;
  std::string output;
};

inline void fill_spec(wire::CustomJobSpec::Builder spec, const job_wish& wish) {
  auto pools = spec.initWorkerPoolSpecs(static_cast<uint32_t>(wish.pools.size()));
  for (uint32_t i = 0; i < pools.size(); ++i) {
    const pool_wish& pool = wish.pools[i];
    if (pool.count == 0) continue;
    pools[i].setReplicaCount(pool.count);
    auto machine = pools[i].initMachineSpec();
    machine.setMachineType(wire::text(pool.machine));
    if (pool.gpus > 0) {
      machine.setAcceleratorCount(static_cast<int32_t>(pool.gpus));
      machine.setAcceleratorType(pool.gpu_type);
    }
    auto container = pools[i].initContainerSpec();
    container.setImageUri(wire::text(pool.image));
    if (pool.image != "host") continue; // reducers bring their own
    container.initCommand(1).set(0, "true");
    container.initArgs(1).set(0, "--first");
  }
  auto scheduling = spec.initScheduling();
  scheduling.setDisableRetries(wish.disable_retries);
  scheduling.setRestartJobOnWorkerRestart(wish.restart_all);
  scheduling.setStrategy(wish.strategy);
  if (wish.timeout_s != 0) scheduling.initTimeout().setMicros(wish.timeout_s * 1'000'000);
  if (wish.max_wait_s >= 0) scheduling.initMaxWaitDuration().setMicros(wish.max_wait_s * 1'000'000);
  if (!wish.output.empty())
    spec.initBaseOutputDirectory().setOutputUriPrefix(wire::text(wish.output));
}

} // namespace troupe::test
