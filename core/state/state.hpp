// The state of the cluster as plain values: what the engine reads and changes. Texts and trees that
// never change after submission stay in the frame they came in. Times are microseconds since the
// epoch, 0 where there is none, as stored. Fields marked "volatile" are not stored: they are
// rebuilt by what nodes say when they reconnect.
#pragma once

#include "core/cluster/cluster.hpp"
#include "core/scheduler/placement.hpp"
#include "wire/lifecycle.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace troupe::core {

struct failure {
  errc code = errc::unknown;
  std::string message;
};

struct replica {
  uint32_t pool = 0;
  uint32_t index = 0;
  uint32_t incarnation = 0;
  wire::ReplicaPhase phase = wire::ReplicaPhase::LAUNCHING;
  int32_t exit_code = 0;
  int32_t signal = 0;
  std::string message;
  bool out_of_memory = false;
  bool permanent = false;
  int64_t started_micros = 0;
  int64_t ended_micros = 0;
  std::string node;
  std::string host;
  uint16_t port = 0;
  std::vector<uint16_t> gpu_indices; // of the node's GPUs; as many as `held` says
  bool released = false;
  amounts held;
  int64_t ordered_micros = 0; // volatile: when the launch was last ordered

  bool ended() const { return !wire::is_live(phase); }
};

struct metric_point {
  std::string tag;
  double value = 0;
  int64_t step = 0;
  int64_t timestamp_micros = 0;
};

struct custom_job {
  uint64_t id = 0;
  std::string project;
  std::string location;
  std::string token;
  wire::frame<wire::CustomJob> submitted; // named; what changes later is below
  wire::JobState state = wire::JobState::QUEUED;
  int64_t create_micros = 0;
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  int64_t update_micros = 0;
  std::optional<failure> error;

  // Read from the spec.
  std::vector<pool_demand> pools;
  std::string
      unplaceable; // why `pools` could not be read (a machine type that the config no longer has)
  int64_t timeout_micros = 0;
  int64_t max_wait_micros = 0; // 0: waits for ever
  bool disable_retries = false;
  bool restart_job_on_worker_restart = false;

  // The attempt.
  uint32_t attempt = 0;
  std::vector<replica>
      replicas; // all assignments of the gang, by (pool, index); empty while it waits
  uint32_t retries = 0;
  bool cancel_requested = false;
  int64_t deadline_micros = 0;
  int64_t kill_deadline_micros = 0;
  // What follows when the last replica has stopped: CANCELLED, QUEUED (a new attempt), PENDING (all
  // restart in place); UNSPECIFIED while nothing of that kind is under way.
  wire::JobState after_stop = wire::JobState::UNSPECIFIED;
  std::string first_failure;
  std::string reason;
  std::set<std::string> log_nodes;
  uint32_t service_logs = 0;
  bool deleted =
      false; // its resource is gone; the attempt stays until the last replica has stopped

  uint64_t tuning_job = 0;
  uint32_t trial = 0;
  std::vector<metric_point> points; // in order of arrival

  std::optional<int64_t> armed_micros; // volatile: its entry in the timers

  bool terminal() const { return wire::is_over(state); }
  /// Its replicas are to end, so their exits decide nothing any more.
  bool stopping() const { return terminal() || after_stop != wire::JobState::UNSPECIFIED; }
  /// In-place restarts keep their assignments, so the attempt goes on.
  bool attempt_over() const { return stopping() && after_stop != wire::JobState::PENDING; }
  bool live_replicas() const {
    for (const replica& r : replicas)
      if (!r.ended()) return true;
    return false;
  }
};

struct measurement {
  int64_t elapsed_micros = 0;
  int64_t step = 0;
  std::vector<std::pair<std::string, double>> metrics;
};

struct trial {
  uint32_t number = 0;
  wire::Trial::State state = wire::Trial::State::REQUESTED;
  wire::frame<wire::Suggestions::ParameterSet> parameters;
  std::vector<measurement> measurements; // strictly ordered by (step, elapsed)
  std::optional<measurement> final_measurement;
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  std::string client; // of a study: who works on it
  std::string infeasible_reason;
  std::string stopping_reason;
  uint64_t job = 0; // of a tuning job: the custom job that runs it

  bool ended() const {
    return state == wire::Trial::State::SUCCEEDED || state == wire::Trial::State::INFEASIBLE;
  }
  /// A trial that was stopped early has not failed, even where it had measured nothing yet.
  bool failed() const { return state == wire::Trial::State::INFEASIBLE && stopping_reason.empty(); }
};

/// What tuning jobs and Vizier's studies have in common: trials, and what is asked of the tuner
/// about them.
struct study {
  study() = default;
  study(const study&) = default;
  study& operator=(const study&) = default;
  virtual ~study() = default;
  virtual wire::StudySpec::Reader spec() const = 0;
  virtual std::string_view name() const = 0; // of the resource
  virtual bool over() const = 0;             // nothing more is asked for it

  uint64_t id = 0;
  std::string project;
  std::string location;
  int64_t create_micros = 0;
  int64_t update_micros = 0;
  std::map<uint32_t, trial> trials;
  std::vector<uint32_t> optimal; // derived: the trials that no other dominates

  std::optional<int64_t> armed_micros; // when time alone may have ended it

  bool stoppings_asked = false; // volatile: the rules are being computed
  bool stoppings_news = false;  // volatile: something was measured since

  uint32_t live_trials() const {
    uint32_t count = 0;
    for (const auto& [number, t] : trials)
      count += !t.ended();
    return count;
  }
};

struct tuning_job : study {
  std::string token;
  wire::frame<wire::HyperparameterTuningJob> submitted; // named; without trials
  wire::JobState state = wire::JobState::QUEUED;
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  std::optional<failure> error;
  bool cancel_requested = false;
  // The end that waits for the last live trial: SUCCEEDED once the search space is exhausted or
  // studyStoppingConfig says so, FAILED, CANCELLED.
  wire::JobState end_state = wire::JobState::UNSPECIFIED;
  std::optional<failure> end_error;
  std::string end_reason; // what ended it before maxTrialCount
  std::string reason;
  uint32_t tuner_failures = 0; // one after the other

  uint32_t asked_from = 0; // volatile: the first trial of the suggestion request under way; 0: none

  wire::StudySpec::Reader spec() const override { return submitted->getStudySpec(); }
  std::string_view name() const override { return wire::view(submitted->getName()); }
  bool terminal() const { return wire::is_over(state); }
  bool over() const override { return terminal() || end_state != wire::JobState::UNSPECIFIED; }
};

/// A long-running operation of a study whose answer the tuner owes.
struct pending_operation {
  uint64_t id = 0;
  int64_t start_micros = 0;
  wire::frame<wire::SuggestTrialsRequest> wanted; // of a suggestion
  uint32_t checked = 0;                           // of a check: the trial; 0: a suggestion
};

struct client_study : study {
  wire::frame<wire::Study> submitted; // named
  wire::Study::State state = wire::Study::State::ACTIVE;
  std::string inactive_reason;
  uint32_t next_trial = 1;
  std::vector<pending_operation> pending; // in the order of their arrival

  uint64_t asked_for = 0;     // volatile: the operation whose suggestions are being computed
  uint32_t asked_from = 0;    // volatile: the first trial that they would be
  uint32_t asked_context = 0; // volatile: of the operation's contexts, the one they are for

  wire::StudySpec::Reader spec() const override { return submitted->getStudySpec(); }
  std::string_view name() const override { return wire::view(submitted->getName()); }
  bool over() const override { return state != wire::Study::State::ACTIVE; }
};

/// A replica that runs on a node although nobody expects it there: of an attempt given up while the
/// node was away.
using unexpected_replica = std::tuple<uint64_t, uint32_t, uint32_t, uint32_t,
                                      uint32_t>; // job, attempt, pool, index, incarnation

struct node {
  std::string name;
  std::string address;
  std::string boot_id;
  std::string version;
  uint64_t agent_epoch = 0;
  amounts total;
  uint16_t port_first = 0;
  uint16_t port_last = 0;
  bool connected = false;
  int64_t last_seen_micros = 0;
  std::string quarantine;
  amounts used;             // by replicas not yet released
  std::set<uint16_t> ports; // theirs
  std::set<uint16_t> gpus;  // theirs, by index
  bool lost = false;        // volatile: away for too long, and its replicas were written off
  bool shrunk = false;      // volatile: came back with less than it had given away
  std::set<unexpected_replica>
      unexpected;                      // volatile: nothing is placed here before they have stopped
  std::optional<int64_t> armed_micros; // volatile: its entry in the timers

  bool open() const { return connected && quarantine.empty() && unexpected.empty(); }
};

} // namespace troupe::core
