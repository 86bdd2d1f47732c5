// The state machine behind core::cluster: all state and every transition. Its parts lie in files by
// idea (custom_jobs.cpp, attempts.cpp, scheduling.cpp, nodes.cpp, trials.cpp, tuning_jobs.cpp,
// tuning_trials.cpp, studies.cpp, study_operations.cpp, recovery.cpp);
// this header is the map.
//
// One step handles one event, then what is due, then what has become possible (placements,
// suggestions). Functions mark what they changed; the end of the step writes each changed record
// once.
#pragma once

#include "base/names.hpp"
#include "core/jobs/restart.hpp"
#include "core/scheduler/queue.hpp"
#include "core/state/operations.hpp"
#include "core/state/state.hpp"
#include "tuner/stopping/study_end.hpp"

#include <utility>

namespace troupe::core {

class engine {
public:
  static constexpr uint64_t first_id = 1'000'000'000'000'000'001;

  engine(settings, std::string cluster_id);
  static result<std::pair<std::unique_ptr<engine>, effects>>
  recover(settings, std::string fresh_cluster_id, instant now, const scanner&);

  effects step(const wire::frame<wire::Event>&);
  std::optional<instant> wake_at() const;
  std::optional<std::string> violated_invariant() const;
  const std::string& id() const { return cluster_id_; }
  uint64_t epoch() const { return epoch_; }

private:
  // -- cluster.cpp: the step --
  void handle(wire::Event::Reader);
  void command(wire::Command::Reader, std::string_view secret);
  void run_timers();
  void flush(const wire::frame<wire::Event>&);
  void write_records();
  void write_cluster_record();
  void answer(wire::frame<wire::Outcome>);
  void answer_error(errc, std::string message);
  /// There is none of this number in the command's project and location.
  void answer_missing(wire::Command::Reader, std::string_view collection, uint64_t id);
  void answer_problems(const std::vector<std::string>&);
  void answer_empty();
  void answer_deletion(std::string_view project, std::string_view location);

  // -- recovery.cpp --
  void derive();

  // -- custom_jobs.cpp: the life of a job --
  void create_custom_job(wire::CustomJob::Reader, wire::Command::Reader, std::string_view secret);
  custom_job& add_job(wire::frame<wire::CustomJob> named, uint64_t id, std::string project,
                      std::string location, std::string token);
  void cancel_custom_job(uint64_t id, wire::Command::Reader);
  void delete_custom_job(uint64_t id, wire::Command::Reader);
  void erase_resource(custom_job&);
  void cancel(custom_job&);
  void enter_running(custom_job&);
  void end_job(custom_job&, wire::JobState, std::optional<failure>);
  void job_timer(custom_job&);
  custom_job* find_job(uint64_t id, wire::Command::Reader);

  // -- attempts.cpp: placing, launching, stopping, ends of replicas --
  void start_attempt(custom_job&, const std::vector<assignment>&,
                     const std::vector<node*>& capacities);
  void order_launch(custom_job&, node&, const std::vector<replica*>&);
  void order_launch(custom_job&, const std::vector<replica*>&);
  void order_stop(const custom_job&, node&);
  void stop_replicas(custom_job&);
  void apply(custom_job&, replica&, wire::ReplicaStatus::Reader);
  void lose(custom_job&, replica&, std::string why);
  void replica_ended(custom_job&, replica&);
  void stopped_one(custom_job&, const std::string& node_name);
  void all_stopped(custom_job&);
  void act(custom_job&, replica&, verdict);
  void new_attempt_after_stop(custom_job&, std::string why);
  void restart(custom_job&, const std::vector<replica*>&);
  void release(replica&);
  void release_ended(custom_job&);
  void forget_where_ended(custom_job&);
  void maybe_forget(custom_job&, const std::string& node_name);
  void send_forget(node&, uint64_t job, uint32_t attempt);
  void send_purge(node&, uint64_t job, uint32_t attempt);
  void send(node&, const std::function<void(wire::Order::Builder)>& fill);

  // -- scheduling.cpp: the queue --
  void enqueue(custom_job&);
  void dequeue(custom_job&);
  void place_queued();
  std::vector<bool> eligible(const std::vector<pool_demand>&, const std::vector<node*>&) const;
  void refresh_reasons();
  void explain(custom_job&, size_t ahead);
  uint16_t pick_port(const node&, const custom_job&, uint32_t pool, uint32_t index) const;
  static std::vector<uint16_t> pick_gpus(const node&, uint32_t count);

  // -- nodes.cpp --
  void node_up(wire::NodeHello::Reader);
  std::string refusal_of(wire::NodeHello::Reader) const;
  void reconcile(node&, wire::NodeHello::Reader, bool new_boot);
  void node_down(wire::NodeDown::Reader);
  void node_lost(node&, const std::string& why);
  void report(wire::Report::Reader);
  void replica_report(node&, wire::ReplicaStatus::Reader, bool in_hello);
  void unexpected(node&, wire::ReplicaStatus::Reader, bool in_hello);
  std::pair<custom_job*, replica*> expected(const node&, wire::ReplicaId::Reader);
  void quarantine(node&, std::string why);
  void maybe_lift_quarantine(const std::string& node_name);

  // -- trials.cpp: what tuning jobs and studies share --
  study* find_study(uint64_t id);
  void end_trial(study&, trial&, std::optional<measurement> final, std::string infeasible);
  tuner::study_end end_by_rule(study&);
  void study_timer(uint64_t id);
  void ask_stoppings(study&);
  void stoppings(wire::Stoppings::Reader);
  std::string missing_prior(wire::StudySpec::Reader, wire::Command::Reader);
  study* prior_named(std::string_view name, std::string_view project, std::string_view location);
  std::vector<study_frame> priors_of(const study&);

  // -- tuning_jobs.cpp: the job as a whole --
  void create_tuning_job(wire::HyperparameterTuningJob::Reader, wire::Command::Reader,
                         std::string_view secret);
  void cancel_tuning_job(uint64_t id, wire::Command::Reader);
  void delete_tuning_job(uint64_t id, wire::Command::Reader);
  void resume_tuning_job(wire::ResumeTuningJob::Reader, wire::Command::Reader);
  tuning_job* find_tuning_job(uint64_t id, wire::Command::Reader);
  void ask(tuning_job&);
  void suggestions(wire::Suggestions::Reader, std::string_view secret);
  void suggestions(tuning_job&, wire::Suggestions::Reader, std::string_view secret);
  void judge_end(tuning_job&);
  void decide_tuning_end(tuning_job&, wire::JobState, std::optional<failure>);
  void maybe_end_tuning(tuning_job&);

  // -- tuning_trials.cpp: its trials --
  void add_trial(tuning_job&, wire::Suggestions::ParameterSet::Reader, std::string_view secret);
  void trial_running(custom_job&);
  void trial_ended(custom_job&);
  void metrics(node&, wire::MetricReport::Reader);
  bool take_points(custom_job&, wire::StudySpec::Reader, wire::MetricReport::Reader);
  void judge_trials(tuning_job&, const trial& ended);
  void stop_trials(tuning_job&);
  void stop_early(tuning_job&, trial&, std::string reason);
  std::string cancellation_of(const custom_job&);

  // -- studies.cpp: Vizier's studies and their trials --
  void create_study(wire::Study::Reader, wire::Command::Reader);
  void delete_study(uint64_t id, wire::Command::Reader);
  void create_trial(wire::TrialChange::Reader, wire::Command::Reader);
  void delete_trial(wire::TrialChange::Reader, wire::Command::Reader);
  void add_measurement(wire::TrialChange::Reader, wire::Command::Reader);
  void complete_trial(wire::TrialChange::Reader, wire::Command::Reader);
  void stop_trial(wire::TrialChange::Reader, wire::Command::Reader);
  client_study* find_client_study(uint64_t id, wire::Command::Reader);
  trial* find_trial(client_study&, uint32_t number);
  trial* find_running_trial(client_study&, uint32_t number, std::string_view wish);
  void judge_end(client_study&);
  void complete_study(client_study&, std::string reason);
  void answer_trial(const client_study&, const trial&);

  // -- study_operations.cpp: what the tuner computes for them --
  struct match;
  void suggest_trials(wire::TrialChange::Reader, wire::Command::Reader);
  void check_early_stopping(wire::TrialChange::Reader, wire::Command::Reader);
  static match matching(const client_study&, wire::SuggestTrialsRequest::Reader);
  void hand_out(client_study&, const match&, std::string_view client);
  void advance(client_study&);
  void ask(client_study&, const pending_operation&, const match&);
  void ask_again(client_study&);
  void suggestions(client_study&, wire::Suggestions::Reader);
  void stoppings(client_study&, wire::Stoppings::Reader);
  void finish_suggestion(client_study&, uint64_t operation);
  void finish_check(client_study&, const pending_operation&, const trial*);
  void fail_operation(client_study&, const pending_operation&, failure);
  pending_operation& add_operation(client_study&);
  operation_facts facts_of(const client_study&, const pending_operation&) const;
  void put_operation(uint64_t id, wire::frame<wire::Operation>);
  void answer_operation(uint64_t id);

  // -- marks --
  void changed(custom_job& job) { dirty_jobs_.insert(job.id), touched_ = true; } // the resource
  void changed_attempt(custom_job& job) { dirty_attempts_.insert(job.id), touched_ = true; }
  void changed(tuning_job& job) { dirty_tuning_.insert(job.id), touched_ = true; }
  void changed(client_study& study) { dirty_studies_.insert(study.id), touched_ = true; }
  void changed(const study& s, const trial& t) {
    dirty_trials_.insert({s.id, t.number}), touched_ = true;
  }
  void changed(node& n) { dirty_nodes_.insert(n.name), touched_ = true; }
  void say(custom_job&, std::string_view severity, std::string message);
  void explain(custom_job&, std::string reason);
  void arm(custom_job&);
  void arm(node&);
  void arm(study&, std::optional<int64_t> at_micros);
  node* find_node(const std::string& name);

  settings settings_;
  std::string cluster_id_;
  uint64_t epoch_ = 1;
  uint64_t next_id_ = first_id;
  uint64_t next_event_ = 1;
  uint64_t next_order_ = 1;

  std::map<uint64_t, custom_job> jobs_;
  std::map<uint64_t, tuning_job> tuning_jobs_;
  std::map<uint64_t, client_study> client_studies_;
  std::map<std::string, node> nodes_;
  std::set<uint64_t> active_; // jobs with a replica that has not ended
  job_queue queue_;

  // What makes the scheduler look again.
  bool grown_ = true;            // something was freed
  bool queued_ = false;          // something was queued
  bool books_changed_ = true;    // what is free, or the queue
  bool totals_changed_ = true;   // what the nodes have at all
  std::set<uint64_t> explained_; // queued jobs whose reason tells their exact place
  std::set<uint64_t> new_in_queue_;

  // Who wants to be looked at when: at most one entry for each, so that finished jobs leave nothing
  // behind.
  std::set<std::pair<int64_t, uint64_t>> job_timers_;
  std::set<std::pair<int64_t, std::string>> node_timers_;
  std::set<std::pair<int64_t, uint64_t>> study_timers_;

  // Of the step under way.
  effects out_;
  int64_t now_ = 0;
  uint64_t request_ = 0;
  bool touched_ = false;
  std::set<uint64_t> dirty_jobs_;
  std::set<uint64_t> dirty_attempts_;
  std::set<uint64_t> dirty_tuning_;
  std::set<std::string> dirty_nodes_;
  std::set<uint64_t> dropped_; // ghosts whose last replica has stopped
  std::set<uint64_t> dirty_studies_;
  std::set<std::pair<uint64_t, uint32_t>> dirty_trials_; // study or tuning job, trial
  std::map<uint64_t, wire::frame<wire::Operation>> dirty_operations_;
  std::set<uint64_t> wants_suggestions_;

  // Kept from a recovery to the first step after it.
  std::set<uint64_t> wants_stoppings_;
};

/// The reason in the nodeDown events that a recovery makes. Their steps place nothing and let
/// nothing time out, also in a replay: until all sessions of the old process are closed, what
/// still runs on the nodes is not known.
inline constexpr std::string_view restart_reason = "the controller was started anew";

} // namespace troupe::core
