#include "core/jobs/attempts.hpp"

#include "base/names.hpp"
#include "core/jobs/launch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace troupe::core {

using wire::JobState;
using wire::ReplicaPhase;

namespace {

/// How much longer than the grace a node gets to report the end of what it was told to stop.
constexpr int64_t kill_slack_micros = 30'000'000;

std::set<std::string> nodes_of(const custom_job& job) {
  std::set<std::string> names;
  for (const replica& r : job.replicas)
    names.insert(r.node);
  return names;
}

std::vector<replica*> gang_of(custom_job& job) {
  std::vector<replica*> gang;
  for (replica& r : job.replicas)
    gang.push_back(&r);
  return gang;
}

replica_end end_of(const replica& r) {
  return {r.phase, r.exit_code, r.signal, r.out_of_memory, r.permanent};
}

bool has_run(const replica& r) {
  return r.phase == ReplicaPhase::RUNNING || r.phase == ReplicaPhase::EXITED;
}

} // namespace

// -- start --

void attempts::start(custom_job& job, const std::vector<placed_replica>& placed) {
  ++job.attempt;
  job.replicas.clear();
  job.first_failure.clear();
  for (const placed_replica& place : placed) {
    replica r;
    r.pool = place.pool;
    r.index = place.index;
    for (const pool_demand& demand : job.pools)
      if (demand.pool == place.pool) r.held = demand.each;
    nodes_.hold(state_.nodes.at(place.node), job, r);
    job.log_nodes.insert(place.node);
    job.replicas.push_back(std::move(r));
  }
  state_.active.insert(job.id);
  job.state = JobState::PENDING;
  job.update_micros = state_.now;
  out_.changed(job);
  out_.changed_attempt(job);
  const std::set<std::string> names = nodes_of(job);
  if (job.attempt == 1) {
    out_.log(job, "INFO", "Troupe is provisioning job running framework.");
    out_.log(job, "INFO", "Troupe is setting up this job.");
    out_.log(job, "INFO", "Waiting for training program to start.");
  } else {
    out_.log(job, "INFO",
             fmt::format("Starting attempt {} on {}.", job.attempt, fmt::join(names, ", ")));
  }
  out_.explain(job, fmt::format("starting {} {} on {} {}", job.replicas.size(),
                                job.replicas.size() == 1 ? "replica" : "replicas",
                                names.size() == 1 ? "node" : "nodes", fmt::join(names, ", ")));
  order_launch(job, gang_of(job));
}

void attempts::order_launch(custom_job& job, const std::vector<replica*>& replicas) {
  std::map<std::string, std::vector<replica*>> by_node;
  for (replica* r : replicas)
    by_node[r->node].push_back(r);
  for (auto& [name, group] : by_node) {
    // Also if nothing can be sent: the hello of the node brings the order, or the timer.
    for (replica* r : group)
      r->ordered_micros = state_.now;
    if (const node* n = state_.find_node(name))
      out_.send(*n, [&](wire::Order::Builder order) {
        fill_launch(order.initLaunch(), job, group, job.metric_tags);
      });
  }
  arm(job);
}

// -- what replicas do --

void attempts::apply(custom_job& job, replica& r, wire::ReplicaStatus::Reader status) {
  const ReplicaPhase phase = status.getPhase();
  if (r.ended() || phase == r.phase || phase == ReplicaPhase::LAUNCHING) return;
  if (status.getStartedMicros() != 0) r.started_micros = status.getStartedMicros();
  r.phase = phase;
  out_.changed_attempt(job);
  if (phase == ReplicaPhase::RUNNING) {
    if (r.started_micros == 0) r.started_micros = state_.now;
    if (job.stopping() || job.state != JobState::PENDING) return;
    const auto started = std::ranges::count_if(job.replicas, has_run);
    if (started == 1) out_.log(job, "INFO", "Job is preparing.");
    if (started == std::ssize(job.replicas)) observer_->all_started(job);
    return;
  }
  r.exit_code = status.getExitCode();
  r.signal = status.getSignal();
  r.message = wire::str(status.getMessage());
  r.out_of_memory = status.getOutOfMemory();
  r.permanent = status.getPermanent();
  r.ended_micros = status.getEndedMicros() != 0 ? status.getEndedMicros() : state_.now;
  ended(job, r);
}

void attempts::lose(custom_job& job, replica& r, std::string why) {
  if (r.ended()) return;
  r.phase = ReplicaPhase::LOST;
  r.message = std::move(why);
  r.ended_micros = state_.now;
  out_.changed_attempt(job);
  ended(job, r);
}

restart_facts attempts::facts_of(const custom_job& job, const replica& r) const {
  restart_facts facts{.primary = r.pool == 0 && r.index == 0,
                      .incarnation = r.incarnation,
                      .job_retries = job.retries,
                      .restarts_max = state_.settings.replica_restarts_max,
                      .retries_max = state_.settings.job_retries_max,
                      .disable_retries = job.disable_retries,
                      .restart_job_on_worker_restart = job.restart_job_on_worker_restart};
  if (facts.restart_job_on_worker_restart)
    for (const replica& other : job.replicas)
      facts.incarnation = std::max(facts.incarnation, other.incarnation);
  return facts;
}

void attempts::ended(custom_job& job, replica& r) {
  if (job.stopping()) {
    if (r.phase == ReplicaPhase::LOST && job.after_stop == JobState::PENDING)
      // It cannot restart in place any more.
      job.after_stop = JobState::QUEUED, release_ended(job), forget_everywhere(job);
    return one_stopped(job, std::string(r.node));
  }
  const exit_class kind = classify(end_of(r));
  if (kind != exit_class::success && job.first_failure.empty())
    job.first_failure = task_name(r.pool, r.index);
  // A replica that had ended before its peers started still counts as having run.
  if (r.phase == ReplicaPhase::EXITED && job.state == JobState::PENDING
      && std::ranges::all_of(job.replicas, has_run))
    observer_->all_started(job);
  const std::string node_name = r.node; // acting may end the attempt, and the replica with it
  act(job, r, judge(kind, facts_of(job, r)));
  lift_quarantine(node_name);
}

void attempts::act(custom_job& job, replica& r, verdict decision) {
  std::string text = failure_text(task_name(r.pool, r.index), end_of(r), r.message);
  switch (decision) {
  case verdict::keep:
    // Restarting all in place would need its place again.
    if (!job.restart_job_on_worker_restart) release(r);
    return;
  case verdict::succeed_job:
    observer_->all_started(job);
    return observer_->decided(job, JobState::SUCCEEDED, std::nullopt);
  case verdict::fail_job: {
    errc code = errc::invalid_argument;
    if (r.phase == ReplicaPhase::LOST) code = errc::unavailable;
    if (r.phase == ReplicaPhase::FAILED && !r.permanent) code = errc::internal;
    return observer_->decided(job, JobState::FAILED, failure{code, std::move(text)});
  }
  case verdict::restart_replica:
    out_.log(job, "WARNING",
             fmt::format("{}\nRestarting {} in place ({} of at most {}).", text,
                         task_name(r.pool, r.index), r.incarnation + 1,
                         state_.settings.replica_restarts_max));
    return restart(job, {&r});
  case verdict::restart_all:
    out_.log(job, "WARNING",
             fmt::format("{}\nRestarting all replicas in place, as "
                         "scheduling.restartJobOnWorkerRestart asks.",
                         text));
    job.after_stop = JobState::PENDING;
    return stop(job);
  case verdict::retry_job:
    ++job.retries;
    out_.log(job, "WARNING",
             fmt::format("{}\nRetrying the whole job ({} of at most {}).", text, job.retries,
                         state_.settings.job_retries_max));
    return retry(job, "retrying after a failure: waiting for its replicas to stop");
  case verdict::replace_job:
    out_.log(job, "WARNING", fmt::format("{}\nThe job gets a new attempt.", text));
    return retry(job, fmt::format("placing it again: {}", r.message));
  }
}

/// A new attempt, once this one has stopped.
void attempts::retry(custom_job& job, std::string why) {
  job.after_stop = JobState::QUEUED;
  job.state = JobState::PENDING;
  job.update_micros = state_.now;
  out_.changed(job);
  out_.changed_attempt(job);
  out_.explain(job, std::move(why));
  release_ended(job);
  stop(job);
}

void attempts::restart(custom_job& job, const std::vector<replica*>& replicas) {
  for (replica* r : replicas) {
    ++r->incarnation;
    r->phase = ReplicaPhase::LAUNCHING;
    r->exit_code = r->signal = 0;
    r->message.clear();
    r->out_of_memory = r->permanent = false;
    r->started_micros = r->ended_micros = 0;
  }
  out_.changed_attempt(job);
  order_launch(job, replicas);
}

// -- stop --

void attempts::stop(custom_job& job) {
  forget_everywhere(job);
  if (!job.live_replicas()) return stopped(job);
  for (const std::string& name : nodes_of(job))
    if (const node* n = state_.find_node(name); n && job.lives_on(name)) order_stop(job, *n);
  job.kill_deadline_micros =
      state_.now + state_.settings.termination_grace.count() + kill_slack_micros;
  out_.changed_attempt(job);
  arm(job);
}

void attempts::order_stop(const custom_job& job, const node& n) {
  out_.send(n, [&](wire::Order::Builder order) {
    auto stop = order.initStop();
    stop.setJobId(job.id);
    stop.setAttempt(job.attempt);
    stop.setGraceMs(static_cast<uint32_t>(state_.settings.termination_grace.count() / 1000));
  });
}

void attempts::one_stopped(custom_job& job, const std::string& node_name) {
  if (job.after_stop != JobState::PENDING) release_ended(job);
  forget(job, node_name);
  lift_quarantine(node_name);
  if (!job.live_replicas()) stopped(job);
}

void attempts::stopped(custom_job& job) {
  job.kill_deadline_micros = 0;
  state_.active.erase(job.id);
  out_.changed_attempt(job);
  switch (std::exchange(job.after_stop, JobState::UNSPECIFIED)) {
  case JobState::CANCELLED:
    return observer_->cancelled(job);
  case JobState::QUEUED:
    job.replicas.clear();
    scheduler_.enqueue(job);
    break;
  case JobState::PENDING:
    state_.active.insert(job.id);
    restart(job, gang_of(job));
    break;
  default:
    break;
  }
  if (job.deleted) {
    for (const std::string& name : job.log_nodes)
      if (const node* n = state_.find_node(name))
        for (uint32_t attempt = 1; attempt <= job.attempt; ++attempt)
          send_purge(*n, job.id, attempt);
    out_.drop(job);
  }
  arm(job);
}

void attempts::release(replica& r) {
  if (nodes_.release(r)) scheduler_.freed();
}

void attempts::release_ended(custom_job& job) {
  for (replica& r : job.replicas)
    if (r.ended()) release(r);
}

void attempts::lift_quarantine(const std::string& node_name) {
  if (nodes_.lift_quarantine(node_name)) scheduler_.freed();
}

// -- the nodes' own records of it --

void attempts::forget_everywhere(const custom_job& job) {
  for (const std::string& name : nodes_of(job))
    forget(job, name);
}

void attempts::forget(const custom_job& job, const std::string& node_name) {
  const node* n = state_.find_node(node_name);
  if (n && job.attempt_over() && !job.lives_on(node_name)) send_forget(*n, job.id, job.attempt);
}

void attempts::send_forget(const node& n, uint64_t job, uint32_t attempt) {
  if (nodes::runs_unexpected(n, job, attempt)) return; // it may drop nothing yet
  out_.send(n, [&](wire::Order::Builder order) {
    auto ref = order.initForget();
    ref.setJobId(job);
    ref.setAttempt(attempt);
  });
}

void attempts::send_purge(const node& n, uint64_t job, uint32_t attempt) {
  if (nodes::runs_unexpected(n, job, attempt)) return;
  out_.send(n, [&](wire::Order::Builder order) {
    auto ref = order.initPurge();
    ref.setJobId(job);
    ref.setAttempt(attempt);
  });
}

// -- time --

void attempts::overdue(custom_job& job) {
  if (job.kill_deadline_micros != 0 && state_.now >= job.kill_deadline_micros) {
    for (const replica& r : job.replicas)
      if (node* n = state_.find_node(r.node); !r.ended() && n && n->connected)
        if (nodes_.quarantine(*n, fmt::format("{} of {} still runs past its kill deadline",
                                              task_name(r.pool, r.index), job.id)))
          scheduler_.books_changed();
    return stop(job);
  }
  if (!job.stopping()) {
    std::vector<replica*> late;
    const int64_t limit = state_.now - state_.settings.launch_deadline.count();
    for (replica& r : job.replicas)
      if (r.phase == ReplicaPhase::LAUNCHING && r.ordered_micros <= limit) late.push_back(&r);
    if (!late.empty()) order_launch(job, late);
  }
  arm(job);
}

void attempts::arm(const custom_job& job) {
  int64_t next = INT64_MAX;
  if (!job.terminal() && !job.cancel_requested) {
    if (job.deadline_micros != 0) next = std::min(next, job.deadline_micros);
    if (scheduler_.waits(job.id) && job.max_wait_micros != 0)
      next = std::min(next, job.create_micros + job.max_wait_micros);
  }
  if (job.kill_deadline_micros != 0) next = std::min(next, job.kill_deadline_micros);
  const int64_t patience = std::max<int64_t>(state_.settings.launch_deadline.count(), 1);
  if (!job.stopping())
    for (const replica& r : job.replicas)
      if (r.phase == ReplicaPhase::LAUNCHING && r.ordered_micros != 0)
        next = std::min(next, r.ordered_micros + patience);
  if (next == INT64_MAX) return timers_.disarm(timer::of_job(job.id));
  timers_.arm(timer::of_job(job.id), next);
}

} // namespace troupe::core
