// The nodes: who may join, who is there, what is taken of each, and which are in quarantine. Knows the
// state only: what a change means for jobs and for the queue is decided by those who call, from what
// these verbs return.
#pragma once

#include "core/state/changes.hpp"
#include "core/state/timers.hpp"

#include <string>
#include <string_view>

namespace troupe::core {

/// The reason in the nodeDown events that a recovery makes. Their steps place nothing and let nothing
/// time out, also in a replay: until all sessions of the old process are closed, it is not known what
/// still runs on the nodes.
inline constexpr std::string_view restart_reason = "the controller restarted";

/// Also as version 0.1 wrote it.
bool is_controller_restart(std::string_view reason);

unexpected_replica unexpected_replica_of(wire::ReplicaId::Reader);

class nodes {
public:
  nodes(cluster_state& state, changes& out, timers& due) : state_(state), out_(out), timers_(due) {}

  // -- sessions --
  struct arrival {
    node* joined = nullptr; // nothing: it was refused
    bool new_boot = false;
    bool new_totals = false;
  };
  arrival up(wire::NodeHello::Reader);
  /// The node whose session has ended; nothing where the event is of an older one.
  node* down(wire::NodeDown::Reader);
  /// It has been away for too long. False if it is there.
  bool lose(node&);
  /// Whose report it is; nothing where it is of a session that is over.
  node* session_of(wire::Report::Reader);
  void arm(const node&);

  // -- what replicas hold --
  /// Takes what `r.held` says, a port and GPUs, for a replica that is placed on the node.
  void hold(node&, const custom_job&, replica& r);
  /// After a restart: what a stored replica holds.
  void restore(const replica&);
  /// False if nothing was held any more.
  bool release(replica&);

  // -- what runs there unasked --
  /// False if that was known.
  bool add_unexpected(node&, wire::ReplicaId::Reader);
  /// True if it was the last one, which makes the node usable again.
  bool remove_unexpected(node&, wire::ReplicaId::Reader);
  static bool runs_unexpected(const node&, uint64_t job, uint32_t attempt);

  // -- quarantine --
  bool quarantine(node&, std::string why);
  /// Lifted when nothing that was told to stop is left there.
  bool lift_quarantine(const std::string& name);

private:
  std::string refusal_of(wire::NodeHello::Reader) const;

  cluster_state& state_;
  changes& out_;
  timers& timers_;
};

} // namespace troupe::core
