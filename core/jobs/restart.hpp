// What the end of a replica means for its job: exit classes and the restart policy of
// Vertex AI. Pure, and apart from the state machine that carries it out.
#pragma once

#include "wire/control.capnp.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::core {

enum class exit_class : uint8_t {
  success,   // exit code 0
  permanent, // the program said no, or cannot work: trying again would waste the machine
  transient, // killed by a signal, or the node could not start it: another try may go well
  lost,      // its node went away
};

/// How a replica ended.
struct replica_end {
  wire::ReplicaPhase phase = wire::ReplicaPhase::EXITED;
  int32_t exit_code = 0;
  int32_t signal = 0;
  bool out_of_memory = false;
  bool permanent = false; // of phase failed
};

exit_class classify(const replica_end&);

/// The status that a shell would show: the exit code, or 128 + signal.
int32_t status_of(const replica_end&);

/// "SIGSEGV"; "signal 77" for one without a name.
std::string signal_name(int32_t signal);

/// The text that Vertex's users know, followed by `tail` (what the replica last wrote, or why it
/// could not start) on lines of its own.
std::string failure_text(std::string_view replica, const replica_end&, std::string_view tail);

enum class verdict : uint8_t {
  keep, // a secondary replica has done its part
  succeed_job,
  fail_job,
  restart_replica, // in place, as its next incarnation
  restart_all,     // every replica in place (restartJobOnWorkerRestart)
  retry_job,       // a new attempt, placed again; counts as a retry
  replace_job,     // a new attempt because a node was lost; does not count
};

struct restart_facts {
  bool primary = false;
  uint32_t incarnation = 0; // restarts of this replica so far (of any replica, for restart_all)
  uint32_t job_retries = 0;
  uint32_t restarts_max = 0;
  uint32_t retries_max = 0;
  bool disable_retries = false;
  bool restart_job_on_worker_restart = false;
};

verdict judge(exit_class, const restart_facts&);

} // namespace troupe::core
