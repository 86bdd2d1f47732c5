// What a node knows of its replicas, in a form that a hello can be made of at any moment and from
// any thread: the link dials on its own thread and must greet with the truth of that moment.
#pragma once

#include "wire/control.capnp.h"
#include "wire/frame.hpp"
#include "wire/lifecycle.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The part of a hello that does not change while the agent runs.
struct node_identity {
  std::string name;
  std::string address;
  std::string boot_id;
  uint64_t agent_epoch = 0;
  uint64_t cpu_millis = 0;
  uint64_t memory_bytes = 0;
  uint32_t gpus = 0;
  wire::AcceleratorType gpu_type = wire::AcceleratorType::UNSPECIFIED;
  uint16_t port_first = 20000;
  uint16_t port_last = 20999;
  std::string version;
};

class node_ledger {
public:
  explicit node_ledger(node_identity identity) : identity_(std::move(identity)) {}

  const node_identity& identity() const { return identity_; }

  void note(const wire::frame<wire::ReplicaStatus>& status);
  void note(const wire::frame<wire::MetricReport>& metrics);
  void forget(uint64_t job, uint32_t attempt);
  void serve(std::string cluster_id);

  wire::frame<wire::NodeHello> hello() const;
  std::vector<wire::frame<wire::ReplicaStatus>> statuses() const;
  std::vector<wire::frame<wire::MetricReport>> metrics() const;

  /// Replicas of the attempt, or of all attempts (job 0), that have not ended.
  size_t live(uint64_t job = 0, uint32_t attempt = 0) const;
  std::vector<std::pair<uint64_t, uint32_t>> attempts() const;

private:
  using attempt_key = std::pair<uint64_t, uint32_t>;
  using replica_key = std::tuple<uint32_t, uint32_t, uint32_t>; // pool, index, incarnation
  struct attempt_entry {
    std::map<replica_key, wire::frame<wire::ReplicaStatus>> replicas;
    std::vector<wire::frame<wire::MetricReport>> metrics;
  };

  const node_identity identity_;
  mutable std::mutex mutex_;
  std::string cluster_id_;
  std::map<attempt_key, attempt_entry> attempts_;
};

} // namespace troupe::actors
