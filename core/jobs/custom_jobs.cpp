// The life of a custom job: created, cancelled, deleted, running, ended (vertex.md §1.2 and §2.8).
#include "core/cluster/engine.hpp"
#include "core/machines/pools.hpp"
#include "core/state/records.hpp"
#include "core/validate/validate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe::core {

using store::family;
using store::key_of;
using wire::JobState;

void engine::create_custom_job(wire::CustomJob::Reader wanted, wire::Command::Reader command,
                               std::string_view secret) {
  auto problems = problems_of(wanted, settings_.machines);
  if (!problems.empty())
    return answer_error(errc::invalid_argument, fmt::format("{}", fmt::join(problems, "\n")));
  uint64_t id = next_id_;
  std::string project = wire::str(command.getProject());
  std::string location = wire::str(command.getLocation());
  auto named = named_job(wanted, resource_name(project, location, "customJobs", id), now_);
  custom_job probe;
  probe.submitted = named;
  if (std::string problem = read_spec(probe, settings_.machines); !problem.empty())
    return answer_error(errc::invalid_argument, std::move(problem));
  ++next_id_;
  custom_job& job = add_job(named, id, project, location, std::string(secret));
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setCustomJob(*resource_of(job)); }));
}

custom_job& engine::add_job(wire::frame<wire::CustomJob> named, uint64_t id, std::string project,
                            std::string location, std::string token) {
  custom_job& job = jobs_[id];
  job.id = id;
  job.project = std::move(project);
  job.location = std::move(location);
  job.token = std::move(token);
  job.submitted = std::move(named);
  job.create_micros = job.update_micros = now_;
  job.unplaceable = read_spec(job, settings_.machines);
  changed(job);
  changed_attempt(job);
  say(job, "INFO", "Waiting for job to be provisioned.");
  enqueue(job);
  arm(job);
  return job;
}

custom_job* engine::find_job(uint64_t id, wire::Command::Reader command) {
  auto found = jobs_.find(id);
  if (found != jobs_.end() && !found->second.deleted
      && found->second.project == wire::view(command.getProject())
      && found->second.location == wire::view(command.getLocation()))
    return &found->second;
  answer_missing(command, "customJobs", id);
  return nullptr;
}

void engine::cancel_custom_job(uint64_t id, wire::Command::Reader command) {
  custom_job* job = find_job(id, command);
  if (!job) return;
  // As Vertex has it, cancelling what has ended is no error and changes nothing.
  cancel(*job);
  answer_empty();
}

void engine::cancel(custom_job& job) {
  if (job.terminal() || job.cancel_requested) return;
  job.cancel_requested = true;
  job.state = JobState::CANCELLING;
  job.update_micros = now_;
  job.after_stop = JobState::CANCELLED;
  dequeue(job);
  changed(job);
  changed_attempt(job);
  say(job, "INFO", "Job is being cancelled.");
  explain(job, "cancelled: waiting for its replicas to stop");
  release_ended(job);
  stop_replicas(job);
}

void engine::delete_custom_job(uint64_t id, wire::Command::Reader command) {
  custom_job* job = find_job(id, command);
  if (!job) return;
  std::string name = wire::str(job->submitted->getName());
  if (!job->terminal())
    return answer_error(errc::failed_precondition,
                        fmt::format("{} has not ended. Cancel it first, then delete it.", name));
  erase_resource(*job);
  answer_deletion(job->project, job->location);
}

void engine::erase_resource(custom_job& job) {
  touched_ = true;
  std::string key = key_of(job.id);
  out_.writes.erase(family::custom_jobs, key);
  // '0' follows '/', so this is every key that starts with the job's.
  out_.writes.range_deletes.push_back({family::service_logs, key + "/", key + "0"});
  job.deleted = true;
  changed_attempt(job);
  if (!job.live_replicas()) all_stopped(job);
}

void engine::enter_running(custom_job& job) {
  if (job.state != JobState::PENDING) return;
  job.state = JobState::RUNNING;
  job.update_micros = now_;
  if (job.start_micros == 0) {
    job.start_micros = now_;
    job.deadline_micros = now_ + job.timeout_micros;
  }
  changed(job);
  changed_attempt(job);
  say(job, "INFO", "Job is running.");
  std::set<std::string> places;
  for (const replica& r : job.replicas)
    places.insert(r.node);
  explain(job, fmt::format("running on {} {}", places.size() == 1 ? "node" : "nodes",
                           fmt::join(places, ", ")));
  arm(job);
  if (job.tuning_job != 0) trial_running(job);
}

void engine::end_job(custom_job& job, JobState state, std::optional<failure> error) {
  job.state = state;
  job.error = std::move(error);
  job.end_micros = job.update_micros = now_;
  job.after_stop = JobState::UNSPECIFIED;
  dequeue(job);
  changed(job);
  changed_attempt(job);
  if (state == JobState::SUCCEEDED) {
    say(job, "INFO", "Job completed successfully.");
    explain(job, "");
  } else if (state == JobState::CANCELLED) {
    say(job, "INFO", "Job is cancelled.");
    explain(job, "");
  } else {
    say(job, "ERROR", job.error->message);
    say(job, "ERROR", "Job failed.");
    explain(job, "");
  }
  release_ended(job);
  stop_replicas(job);
  if (job.tuning_job != 0) trial_ended(job);
}

void engine::job_timer(custom_job& job) {
  bool waits = queue_.contains(job.id);
  if (!job.terminal() && !job.cancel_requested) {
    if (job.deadline_micros != 0 && now_ >= job.deadline_micros)
      return end_job(job, JobState::FAILED,
                     failure{errc::deadline_exceeded,
                             fmt::format("The job ran longer than its scheduling.timeout of {} s.",
                                         static_cast<double>(job.timeout_micros) / 1e6)});
    if (waits && job.max_wait_micros != 0 && now_ >= job.create_micros + job.max_wait_micros)
      return end_job(
          job, JobState::FAILED,
          failure{errc::resource_exhausted,
                  fmt::format(
                      "Resources were not available within scheduling.maxWaitDuration of {} s: {}.",
                      static_cast<double>(job.max_wait_micros) / 1e6, job.reason)});
  }
  if (job.kill_deadline_micros != 0 && now_ >= job.kill_deadline_micros) {
    for (const replica& r : job.replicas)
      if (node* n = find_node(r.node); !r.ended() && n && n->connected)
        quarantine(*n, fmt::format("{} of {} still runs past its kill deadline",
                                   task_name(r.pool, r.index), job.id));
    stop_replicas(job);
    return;
  }
  if (!job.stopping()) {
    std::vector<replica*> late;
    int64_t limit = now_ - settings_.launch_deadline.count();
    for (replica& r : job.replicas)
      if (r.phase == wire::ReplicaPhase::LAUNCHING && r.ordered_micros <= limit) late.push_back(&r);
    if (!late.empty()) order_launch(job, late);
  }
  arm(job);
}

void engine::arm(custom_job& job) {
  int64_t next = INT64_MAX;
  if (!job.terminal() && !job.cancel_requested) {
    if (job.deadline_micros != 0) next = std::min(next, job.deadline_micros);
    if (queue_.contains(job.id) && job.max_wait_micros != 0)
      next = std::min(next, job.create_micros + job.max_wait_micros);
  }
  if (job.kill_deadline_micros != 0) next = std::min(next, job.kill_deadline_micros);
  if (!job.stopping())
    for (const replica& r : job.replicas)
      if (r.phase == wire::ReplicaPhase::LAUNCHING && r.ordered_micros != 0)
        next = std::min(next,
                        r.ordered_micros + std::max<int64_t>(settings_.launch_deadline.count(), 1));
  if (job.armed_micros) job_timers_.erase({*job.armed_micros, job.id});
  job.armed_micros.reset();
  if (next == INT64_MAX) return;
  job.armed_micros = next;
  job_timers_.insert({next, job.id});
}

} // namespace troupe::core
