// One attempt of a job: the whole gang launched at once, its replicas' reports applied, stopped,
// forgotten.
#include "core/cluster/engine.hpp"
#include "core/machines/pools.hpp"
#include "core/state/records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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

bool lives_on(const custom_job& job, const std::string& name) {
  return std::ranges::any_of(job.replicas,
                             [&](const replica& r) { return r.node == name && !r.ended(); });
}

replica_end end_of(const replica& r) {
  return {r.phase, r.exit_code, r.signal, r.out_of_memory, r.permanent};
}

} // namespace

void engine::start_attempt(custom_job& job, const std::vector<assignment>& assignments,
                           const std::vector<node*>& capacities) {
  ++job.attempt;
  job.replicas.clear();
  job.first_failure.clear();
  for (const assignment& place : assignments) {
    node& n = *capacities[place.node];
    replica r;
    r.pool = place.pool;
    r.index = place.index;
    r.node = n.name;
    r.host = n.address;
    r.port = pick_port(n, job, place.pool, place.index);
    for (const pool_demand& demand : job.pools)
      if (demand.pool == place.pool) r.held = demand.each;
    add(n.used, r.held);
    n.ports.insert(r.port);
    r.gpu_indices = pick_gpus(n, r.held.gpus);
    n.gpus.insert(r.gpu_indices.begin(), r.gpu_indices.end());
    changed(n);
    job.log_nodes.insert(n.name);
    job.replicas.push_back(std::move(r));
  }
  active_.insert(job.id);
  books_changed_ = true;
  job.state = JobState::PENDING;
  job.update_micros = now_;
  changed(job);
  changed_attempt(job);
  std::set<std::string> names = nodes_of(job);
  if (job.attempt == 1) {
    say(job, "INFO", "Troupe is provisioning job running framework.");
    say(job, "INFO", "Troupe is setting up this job.");
    say(job, "INFO", "Waiting for training program to start.");
  } else {
    say(job, "INFO",
        fmt::format("Starting attempt {} on {}.", job.attempt, fmt::join(names, ", ")));
  }
  explain(job, fmt::format("starting {} {} on {} {}", job.replicas.size(),
                           job.replicas.size() == 1 ? "replica" : "replicas",
                           names.size() == 1 ? "node" : "nodes", fmt::join(names, ", ")));
  std::vector<replica*> all;
  for (replica& r : job.replicas)
    all.push_back(&r);
  order_launch(job, all);
}

void engine::order_launch(custom_job& job, const std::vector<replica*>& replicas) {
  std::map<std::string, std::vector<replica*>> by_node;
  for (replica* r : replicas)
    by_node[r->node].push_back(r);
  for (auto& [name, there] : by_node) {
    // Also where nothing can be sent: the hello of the node brings the order, or the timer.
    for (replica* r : there)
      r->ordered_micros = now_;
    if (node* n = find_node(name); n && n->connected) order_launch(job, *n, there);
  }
  arm(job);
}

void engine::order_launch(custom_job& job, node& n, const std::vector<replica*>& replicas) {
  std::vector<std::string> tags;
  if (auto tuning = tuning_jobs_.find(job.tuning_job); tuning != tuning_jobs_.end())
    for (auto metric : tuning->second.submitted->getStudySpec().getMetrics())
      tags.push_back(wire::str(metric.getMetricId()));
  send(n,
       [&](wire::Order::Builder order) { fill_launch(order.initLaunch(), job, replicas, tags); });
}

void engine::send(node& n, const std::function<void(wire::Order::Builder)>& fill) {
  if (!n.connected) return;
  out_.orders.push_back({n.name, wire::frame<wire::Order>::build([&](wire::Order::Builder order) {
                           order.setClusterId(wire::text(cluster_id_));
                           order.setEpoch(epoch_);
                           order.setSequence(next_order_++);
                           fill(order);
                         })});
}

void engine::order_stop(const custom_job& job, node& n) {
  send(n, [&](wire::Order::Builder order) {
    auto stop = order.initStop();
    stop.setJobId(job.id);
    stop.setAttempt(job.attempt);
    stop.setGraceMs(static_cast<uint32_t>(settings_.termination_grace.count() / 1000));
  });
}

void engine::stop_replicas(custom_job& job) {
  forget_where_ended(job);
  if (!job.live_replicas()) return all_stopped(job);
  for (const std::string& name : nodes_of(job))
    if (node* n = find_node(name); n && lives_on(job, name)) order_stop(job, *n);
  job.kill_deadline_micros = now_ + settings_.termination_grace.count() + kill_slack_micros;
  changed_attempt(job);
  arm(job);
}

void engine::apply(custom_job& job, replica& r, wire::ReplicaStatus::Reader status) {
  ReplicaPhase phase = status.getPhase();
  if (r.ended() || phase == r.phase || phase == ReplicaPhase::LAUNCHING) return;
  if (status.getStartedMicros() != 0) r.started_micros = status.getStartedMicros();
  r.phase = phase;
  changed_attempt(job);
  if (phase == ReplicaPhase::RUNNING) {
    if (r.started_micros == 0) r.started_micros = now_;
    if (job.stopping() || job.state != JobState::PENDING) return;
    auto started = std::ranges::count_if(job.replicas, [](const replica& other) {
      return other.phase == ReplicaPhase::RUNNING || other.phase == ReplicaPhase::EXITED;
    });
    if (started == 1) say(job, "INFO", "Job is preparing.");
    if (started == std::ssize(job.replicas)) enter_running(job);
    return;
  }
  r.exit_code = status.getExitCode();
  r.signal = status.getSignal();
  r.message = wire::str(status.getMessage());
  r.out_of_memory = status.getOutOfMemory();
  r.permanent = status.getPermanent();
  r.ended_micros = status.getEndedMicros() != 0 ? status.getEndedMicros() : now_;
  replica_ended(job, r);
}

void engine::lose(custom_job& job, replica& r, std::string why) {
  if (r.ended()) return;
  r.phase = ReplicaPhase::LOST;
  r.message = std::move(why);
  r.ended_micros = now_;
  changed_attempt(job);
  replica_ended(job, r);
}

void engine::replica_ended(custom_job& job, replica& r) {
  if (job.stopping()) {
    if (r.phase == ReplicaPhase::LOST && job.after_stop == JobState::PENDING)
      // It cannot restart in place any more.
      job.after_stop = JobState::QUEUED, release_ended(job), forget_where_ended(job);
    return stopped_one(job, std::string(r.node));
  }
  exit_class kind = classify(end_of(r));
  if (kind != exit_class::success && job.first_failure.empty())
    job.first_failure = task_name(r.pool, r.index);
  // A replica that was done before its peers had started still counts as having run.
  if (r.phase == ReplicaPhase::EXITED && job.state == JobState::PENDING
      && std::ranges::all_of(job.replicas, [](const replica& other) {
           return other.phase == ReplicaPhase::RUNNING || other.phase == ReplicaPhase::EXITED;
         }))
    enter_running(job);
  restart_facts facts{.primary = r.pool == 0 && r.index == 0,
                      .incarnation = r.incarnation,
                      .job_retries = job.retries,
                      .restarts_max = settings_.replica_restarts_max,
                      .retries_max = settings_.job_retries_max,
                      .disable_retries = job.disable_retries,
                      .restart_job_on_worker_restart = job.restart_job_on_worker_restart};
  if (facts.restart_job_on_worker_restart)
    for (const replica& other : job.replicas)
      facts.incarnation = std::max(facts.incarnation, other.incarnation);
  std::string place = r.node; // acting may end the attempt, and the replica with it
  act(job, r, judge(kind, facts));
  maybe_lift_quarantine(place);
}

void engine::act(custom_job& job, replica& r, verdict what) {
  std::string text = failure_text(task_name(r.pool, r.index), end_of(r), r.message);
  switch (what) {
  case verdict::keep:
    // Restarting all in place would need its place again.
    if (!job.restart_job_on_worker_restart) release(r);
    return;
  case verdict::succeed_job:
    enter_running(job);
    return end_job(job, JobState::SUCCEEDED, std::nullopt);
  case verdict::fail_job: {
    errc code = errc::invalid_argument;
    if (r.phase == ReplicaPhase::LOST) code = errc::unavailable;
    if (r.phase == ReplicaPhase::FAILED && !r.permanent) code = errc::internal;
    return end_job(job, JobState::FAILED, failure{code, std::move(text)});
  }
  case verdict::restart_replica:
    say(job, "WARNING",
        fmt::format("{}\nRestarting {} in place ({} of at most {}).", text,
                    task_name(r.pool, r.index), r.incarnation + 1, settings_.replica_restarts_max));
    return restart(job, {&r});
  case verdict::restart_all:
    say(job, "WARNING",
        fmt::format("{}\nRestarting all replicas in place, as "
                    "scheduling.restartJobOnWorkerRestart asks.",
                    text));
    job.after_stop = JobState::PENDING;
    return stop_replicas(job);
  case verdict::retry_job:
    ++job.retries;
    say(job, "WARNING",
        fmt::format("{}\nRetrying the whole job ({} of at most {}).", text, job.retries,
                    settings_.job_retries_max));
    return new_attempt_after_stop(job,
                                  "retrying after a failure: waiting for its replicas to stop");
  case verdict::replace_job:
    say(job, "WARNING", fmt::format("{}\nThe job gets a new attempt.", text));
    return new_attempt_after_stop(job, fmt::format("placing it anew: {}", r.message));
  }
}

void engine::new_attempt_after_stop(custom_job& job, std::string why) {
  job.after_stop = JobState::QUEUED;
  job.state = JobState::PENDING;
  job.update_micros = now_;
  changed(job);
  changed_attempt(job);
  explain(job, std::move(why));
  release_ended(job);
  stop_replicas(job);
}

void engine::restart(custom_job& job, const std::vector<replica*>& replicas) {
  for (replica* r : replicas) {
    ++r->incarnation;
    r->phase = ReplicaPhase::LAUNCHING;
    r->exit_code = r->signal = 0;
    r->message.clear();
    r->out_of_memory = r->permanent = false;
    r->started_micros = r->ended_micros = 0;
  }
  changed_attempt(job);
  order_launch(job, replicas);
}

void engine::stopped_one(custom_job& job, const std::string& node_name) {
  if (job.after_stop != JobState::PENDING) release_ended(job);
  maybe_forget(job, node_name);
  maybe_lift_quarantine(node_name);
  if (!job.live_replicas()) all_stopped(job);
}

void engine::all_stopped(custom_job& job) {
  job.kill_deadline_micros = 0;
  active_.erase(job.id);
  changed_attempt(job);
  switch (std::exchange(job.after_stop, JobState::UNSPECIFIED)) {
  case JobState::CANCELLED:
    return end_job(job, JobState::CANCELLED, failure{errc::cancelled, cancellation_of(job)});
  case JobState::QUEUED:
    job.replicas.clear();
    enqueue(job);
    break;
  case JobState::PENDING: {
    std::vector<replica*> all;
    for (replica& r : job.replicas)
      all.push_back(&r);
    active_.insert(job.id);
    restart(job, all);
    break;
  }
  default:
    break;
  }
  if (job.deleted) {
    for (const std::string& name : job.log_nodes)
      if (node* n = find_node(name))
        for (uint32_t attempt = 1; attempt <= job.attempt; ++attempt)
          send_purge(*n, job.id, attempt);
    dropped_.insert(job.id);
  }
  arm(job);
}

void engine::release(replica& r) {
  if (r.released) return;
  r.released = true;
  node& n = nodes_.at(r.node);
  subtract(n.used, r.held);
  n.ports.erase(r.port);
  for (uint16_t index : r.gpu_indices)
    n.gpus.erase(index);
  changed(n);
  grown_ = books_changed_ = true;
}

void engine::release_ended(custom_job& job) {
  for (replica& r : job.replicas)
    if (r.ended()) release(r);
}

void engine::forget_where_ended(custom_job& job) {
  for (const std::string& name : nodes_of(job))
    maybe_forget(job, name);
}

void engine::maybe_forget(custom_job& job, const std::string& node_name) {
  node* n = find_node(node_name);
  if (!n || !job.attempt_over() || lives_on(job, node_name)) return;
  send_forget(*n, job.id, job.attempt);
}

namespace {

/// Whether the node still runs an unexpected replica of the attempt: then it may drop nothing yet.
bool runs_unexpected(const node& n, uint64_t job, uint32_t attempt) {
  return std::ranges::any_of(n.unexpected, [&](const unexpected_replica& other) {
    return std::get<0>(other) == job && std::get<1>(other) == attempt;
  });
}

} // namespace

void engine::send_forget(node& n, uint64_t job, uint32_t attempt) {
  if (runs_unexpected(n, job, attempt)) return;
  send(n, [&](wire::Order::Builder order) {
    auto forget = order.initForget();
    forget.setJobId(job);
    forget.setAttempt(attempt);
  });
}

void engine::send_purge(node& n, uint64_t job, uint32_t attempt) {
  if (runs_unexpected(n, job, attempt)) return;
  send(n, [&](wire::Order::Builder order) {
    auto purge = order.initPurge();
    purge.setJobId(job);
    purge.setAttempt(attempt);
  });
}

} // namespace troupe::core
