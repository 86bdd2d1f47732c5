// What an agent holds of one job attempt: the replicas of it that live on this node. An attempt actor
// owns one. The work is done on the reactor's thread; the processes themselves belong to
// their shims and need neither.
#pragma once

#include "runtime/layout.hpp"
#include "runtime/reactor.hpp"
#include "runtime/settings.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::runtime {

/// Called on the reactor's thread; must not block. All metrics of a replica come before the status
/// of its end.
struct attempt_events {
  std::function<void(wire::frame<wire::ReplicaStatus>)> status;
  std::function<void(wire::frame<wire::MetricReport>)> metrics;
};

class attempt {
public:
  /// Starts nothing yet. What an earlier agent left of this attempt is taken up where start() names
  /// it. The settings are copied; the reactor must outlive the attempt. Errors: unavailable if the
  /// bookkeeping cannot be written.
  static result<std::unique_ptr<attempt>> create(const node_settings&, reactor&,
                                                 wire::part<wire::Launch>, attempt_events);
  /// What an earlier agent left of the attempt. Replicas that run are followed, those that ended
  /// meanwhile have their true end, those of another boot are lost. What happened until now is in
  /// statuses(); events report only what comes after. Errors: data_loss if the bookkeeping is
  /// damaged; it stays on disk.
  static result<std::unique_ptr<attempt>> adopt(const node_settings&, reactor&, uint64_t job,
                                                uint32_t number, attempt_events);
  /// Leaves the replicas running, as detach() does.
  ~attempt();

  uint64_t job() const;
  uint32_t number() const;

  // All of these may be called from any thread.

  /// Starts the replicas that the order names. A ReplicaId that is known is not started again; a
  /// higher incarnation waits for the end of the one before, which it ends if need be. What cannot
  /// be started is told as a status with phase `failed`.
  void start(wire::part<wire::Launch>);
  /// SIGTERM to each replica's process group, SIGKILL to all that it started after graceMs.
  /// Repeating it can only hurry it. The shims do this; kill() is for one that does not.
  void stop(wire::part<wire::Stop>);
  /// Ends the named replicas that still live together with their shims.
  void kill(std::vector<replica_key>);
  std::vector<wire::frame<wire::ReplicaStatus>> statuses() const;
  /// Reports every metric point of the attempt once more; receivers know them by (tag, step,
  /// timestamp).
  void resend_metrics();
  /// After this no event comes and the replicas are on their own until adopted.
  void detach();

private:
  struct state;
  explicit attempt(std::shared_ptr<state>);

  std::shared_ptr<state> state_;
};

/// The (job, attempt) pairs of which an earlier agent left something and was not told to forget it.
result<std::vector<std::pair<uint64_t, uint32_t>>> left_attempts(const node_settings&);

/// The attempt's end is stored elsewhere: removes its bookkeeping and scratch directories and keeps
/// its logs. A process that it should still have is killed. The `attempt` object must be gone.
void forget(const node_settings&, uint64_t job, uint32_t attempt);
/// forget(), and the logs as well.
void purge(const node_settings&, uint64_t job, uint32_t attempt);

} // namespace troupe::runtime
