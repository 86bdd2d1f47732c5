// What a node knows of its replicas, in a form that a hello can be made of at any moment and from
// any thread: the link dials on its own thread and must greet with the truth of that moment. Each
// attempt actor keeps its attempt's part.
#pragma once

#include "wire/control.capnp.h"
#include "wire/frame.hpp"
#include "wire/lifecycle.hpp"

#include <cstdint>
#include <map>
#include <memory>
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

/// One attempt's part: the latest status of each replica, and all that they measured. Any thread
/// may use it.
class attempt_ledger {
public:
  /// Replicas that were ordered; those that are known already stay as they are.
  void announce(wire::Launch::Reader launch);
  void note(const wire::frame<wire::ReplicaStatus>& status);
  void note(const wire::frame<wire::MetricReport>& metrics);

  std::vector<wire::frame<wire::ReplicaStatus>> statuses() const;
  std::vector<wire::frame<wire::MetricReport>> metrics() const;
  /// Replicas that have not ended.
  size_t live() const;

private:
  using replica_key = std::tuple<uint32_t, uint32_t, uint32_t>; // pool, index, incarnation

  mutable std::mutex mutex_;
  std::map<replica_key, wire::frame<wire::ReplicaStatus>> replicas_;
  std::vector<wire::frame<wire::MetricReport>> metrics_;
};

class node_ledger {
public:
  using attempt_key = std::pair<uint64_t, uint32_t>; // job, attempt

  explicit node_ledger(node_identity identity) : identity_(std::move(identity)) {}

  const node_identity& identity() const { return identity_; }

  /// The attempt's part; it begins empty.
  std::shared_ptr<attempt_ledger> attempt(attempt_key key);
  void forget(attempt_key key);
  void serve(std::string cluster_id);

  wire::frame<wire::NodeHello> hello() const;
  /// Replicas of all attempts that have not ended.
  size_t live() const;
  std::vector<attempt_key> attempts() const;

private:
  std::vector<std::shared_ptr<attempt_ledger>> parts() const;

  const node_identity identity_;
  mutable std::mutex mutex_;
  std::string cluster_id_;
  std::map<attempt_key, std::shared_ptr<attempt_ledger>> attempts_;
};

} // namespace troupe::actors
