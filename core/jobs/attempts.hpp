// One attempt of a job: the whole gang is launched at once, its replicas' reports are applied, and it
// is stopped, restarted in place or forgotten as a whole. Owns `replicas`, `attempt`, `after_stop` and
// the kill deadline of each job, and the set of active jobs. What an end means for the job is reported
// to an observer: the job's own part.
#pragma once

#include "core/jobs/restart.hpp"
#include "core/nodes/nodes.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/state/changes.hpp"
#include "core/state/timers.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe::core {

/// What an attempt reports to the job that it belongs to.
class attempt_observer {
public:
  virtual ~attempt_observer() = default;
  virtual void all_started(custom_job&) = 0;
  /// The end of a replica has decided the end of the job.
  virtual void decided(custom_job&, wire::JobState, std::optional<failure>) = 0;
  /// The job was cancelled, and its last replica has stopped.
  virtual void cancelled(custom_job&) = 0;
};

class attempts {
public:
  attempts(cluster_state& state, changes& out, timers& due, scheduler& queue, nodes& places)
      : state_(state), out_(out), timers_(due), scheduler_(queue), nodes_(places) {}
  void observe(attempt_observer& observer) { observer_ = &observer; }

  // -- start --
  /// A new attempt on these nodes.
  void start(custom_job&, const std::vector<placed_replica>&);
  void order_launch(custom_job&, const std::vector<replica*>&);

  // -- what replicas do --
  void apply(custom_job&, replica&, wire::ReplicaStatus::Reader);
  void lose(custom_job&, replica&, std::string why);

  // -- stop --
  /// Orders every live replica to stop; `after_stop` says what follows.
  void stop(custom_job&);
  void order_stop(const custom_job&, const node&);
  void release_ended(custom_job&);
  /// The last replica has stopped, or there was none.
  void stopped(custom_job&);

  // -- the nodes' own records of it --
  /// Lets the node forget the attempt if it is over and has no live replica there.
  void forget(const custom_job&, const std::string& node_name);
  void send_forget(const node&, uint64_t job, uint32_t attempt);
  void send_purge(const node&, uint64_t job, uint32_t attempt);

  // -- time --
  /// What is overdue: stops past the kill deadline, launches that were never reported.
  void overdue(custom_job&);
  void arm(const custom_job&);

private:
  void ended(custom_job&, replica&);
  void act(custom_job&, replica&, verdict);
  void retry(custom_job&, std::string why);
  void restart(custom_job&, const std::vector<replica*>&);
  void restart_all(custom_job&);
  void one_stopped(custom_job&, const std::string& node_name);
  void forget_everywhere(const custom_job&);
  void release(replica&);
  void lift_quarantine(const std::string& node_name);
  restart_facts facts_of(const custom_job&, const replica&) const;

  cluster_state& state_;
  changes& out_;
  timers& timers_;
  scheduler& scheduler_;
  nodes& nodes_;
  attempt_observer* observer_ = nullptr;
};

} // namespace troupe::core
