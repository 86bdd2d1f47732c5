// A node agent put together from its parts: runtime, ledger, agent actor and, where the controller
// is another process, the link to it.
#pragma once

#include "actors/agent.hpp"
#include "actors/controller_link.hpp"
#include "base/directory_lock.hpp"
#include "core/machines/machine.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace troupe::host {

/// The cores and the memory of this machine.
core::amounts machine_resources();

struct controller_link_options {
  std::string address;         // "host:port" of the controller's agent gateway
  std::string controller_name; // the name that its certificate must have
  link::identity identity;
};

struct agent_options {
  runtime::node_settings runtime; // its directory belongs to this agent alone
  std::string name;
  std::string address = "127.0.0.1";
  std::optional<uint64_t> cpu_millis;   // absent: detected
  std::optional<uint64_t> memory_bytes; // absent: detected
  std::optional<uint32_t> gpus;         // absent: none
  wire::AcceleratorType gpu_type = wire::AcceleratorType::UNSPECIFIED;
  uint16_t port_first = 20000;
  uint16_t port_last = 20999;
};

class agent_host {
public:
  /// Locks the node's directory (one agent at a time), adopts the replicas that an earlier agent
  /// left running, and serves.
  static result<std::unique_ptr<agent_host>> start(caf::actor_system& system,
                                                   agent_options options);
  ~agent_host();

  /// Joins a controller of this process.
  result<> join(const actors::controller_actor& controller);
  /// Joins a controller behind a link; the link reconnects by itself.
  result<> join(controller_link_options options);

  /// Stops every replica and forgets them; false if some did not end in time.
  bool stop_replicas();

  const actors::node_identity& identity() const { return ledger_->identity(); }

private:
  explicit agent_host(caf::actor_system& system) : system_(system) {}

  caf::actor_system& system_;
  directory_lock lock_; // released after the agent has ended
  std::shared_ptr<actors::node_ledger> ledger_;
  actors::local_agent_actor agent_;
  std::unique_ptr<actors::controller_link> link_;
};

} // namespace troupe::host
