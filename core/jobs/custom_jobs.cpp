#include "core/jobs/custom_jobs.hpp"

#include "base/names.hpp"
#include "core/jobs/spec.hpp"
#include "core/state/job_records.hpp"
#include "core/validate/validate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe::core {

using wire::JobState;

custom_jobs::custom_jobs(cluster_state& state, changes& out, scheduler& queue, attempts& attempts)
    : state_(state), out_(out), scheduler_(queue), attempts_(attempts) {
  attempts_.observe(*this);
}

// -- commands --

void custom_jobs::create(wire::CustomJob::Reader wanted, wire::Command::Reader command,
                         std::string_view secret) {
  const auto problems = problems_of(wanted, state_.settings.machines);
  if (!problems.empty()) return out_.answer_problems(problems);
  const uint64_t id = state_.next_id;
  std::string project = wire::str(command.getProject());
  std::string location = wire::str(command.getLocation());
  auto named = named_job(wanted, resource_name(project, location, "customJobs", id), state_.now);
  custom_job probe;
  probe.submitted = named;
  if (std::string problem = read_spec(probe, state_.settings.machines); !problem.empty())
    return out_.answer_error(errc::invalid_argument, std::move(problem));
  ++state_.next_id;
  custom_job& job =
      add(std::move(named), id, std::move(project), std::move(location), std::string(secret));
  out_.answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setCustomJob(*resource_of(job)); }));
}

custom_job& custom_jobs::add(wire::frame<wire::CustomJob> named, uint64_t id, std::string project,
                             std::string location, std::string token) {
  custom_job& job = state_.jobs[id];
  job.id = id;
  job.project = std::move(project);
  job.location = std::move(location);
  job.token = std::move(token);
  job.submitted = std::move(named);
  job.create_micros = job.update_micros = state_.now;
  job.unplaceable = read_spec(job, state_.settings.machines);
  out_.changed(job);
  out_.changed_attempt(job);
  out_.log(job, "INFO", "Waiting for job to be provisioned.");
  scheduler_.enqueue(job);
  attempts_.arm(job);
  return job;
}

custom_job* custom_jobs::find(uint64_t id, wire::Command::Reader command) {
  auto found = state_.jobs.find(id);
  if (found != state_.jobs.end() && !found->second.deleted
      && found->second.project == wire::view(command.getProject())
      && found->second.location == wire::view(command.getLocation()))
    return &found->second;
  out_.answer_missing(command, "customJobs", id);
  return nullptr;
}

void custom_jobs::cancel(uint64_t id, wire::Command::Reader command) {
  custom_job* job = find(id, command);
  if (!job) return;
  // As Vertex has it, cancelling what has ended is no error and changes nothing.
  cancel(*job);
  out_.answer_empty();
}

void custom_jobs::remove(uint64_t id, wire::Command::Reader command) {
  custom_job* job = find(id, command);
  if (!job) return;
  if (!job->terminal())
    return out_.answer_error(errc::failed_precondition,
                             fmt::format("{} has not ended. Cancel it first, then delete it.",
                                         wire::view(job->submitted->getName())));
  erase_resource(*job);
  out_.answer_deletion(job->project, job->location);
}

// -- for those above --

void custom_jobs::cancel(custom_job& job) {
  if (job.terminal() || job.cancel_requested) return;
  job.cancel_requested = true;
  job.state = JobState::CANCELLING;
  job.update_micros = state_.now;
  job.after_stop = JobState::CANCELLED;
  scheduler_.dequeue(job);
  out_.changed(job);
  out_.changed_attempt(job);
  out_.log(job, "INFO", "Job is being cancelled.");
  out_.explain(job, "cancelled: waiting for its replicas to stop");
  attempts_.release_ended(job);
  attempts_.stop(job);
}

void custom_jobs::erase_resource(custom_job& job) {
  out_.erase_resource(job);
  job.deleted = true;
  if (!job.live_replicas()) attempts_.stopped(job);
}

// -- what its attempt reports --

void custom_jobs::all_started(custom_job& job) {
  if (job.state != JobState::PENDING) return;
  job.state = JobState::RUNNING;
  job.update_micros = state_.now;
  if (job.start_micros == 0) {
    job.start_micros = state_.now;
    job.deadline_micros = state_.now + job.timeout_micros;
  }
  out_.changed(job);
  out_.changed_attempt(job);
  out_.log(job, "INFO", "Job is running.");
  std::set<std::string> names;
  for (const replica& r : job.replicas)
    names.insert(r.node);
  out_.explain(job, fmt::format("running on {} {}", names.size() == 1 ? "node" : "nodes",
                                fmt::join(names, ", ")));
  attempts_.arm(job);
  if (observer_ && job.tuning_job != 0) observer_->running(job);
}

void custom_jobs::decided(custom_job& job, JobState state, std::optional<failure> error) {
  end(job, state, std::move(error));
}

void custom_jobs::cancelled(custom_job& job) {
  std::string text = observer_ ? observer_->cancellation_text(job) : "CANCELLED";
  end(job, JobState::CANCELLED, failure{errc::cancelled, std::move(text)});
}

void custom_jobs::end(custom_job& job, JobState state, std::optional<failure> error) {
  job.state = state;
  job.error = std::move(error);
  job.end_micros = job.update_micros = state_.now;
  job.after_stop = JobState::UNSPECIFIED;
  scheduler_.dequeue(job);
  out_.changed(job);
  out_.changed_attempt(job);
  if (state == JobState::SUCCEEDED) {
    out_.log(job, "INFO", "Job completed successfully.");
  } else if (state == JobState::CANCELLED) {
    out_.log(job, "INFO", "Job is cancelled.");
  } else {
    out_.log(job, "ERROR", job.error->message);
    out_.log(job, "ERROR", "Job failed.");
  }
  out_.explain(job, "");
  attempts_.release_ended(job);
  attempts_.stop(job);
  if (observer_ && job.tuning_job != 0) observer_->ended(job);
}

void custom_jobs::timer(custom_job& job) {
  if (!job.terminal() && !job.cancel_requested) {
    if (job.deadline_micros != 0 && state_.now >= job.deadline_micros)
      return end(job, JobState::FAILED,
                 failure{errc::deadline_exceeded,
                         fmt::format("The job ran longer than its scheduling.timeout of {} s.",
                                     static_cast<double>(job.timeout_micros) / 1e6)});
    if (scheduler_.waits(job.id) && job.max_wait_micros != 0
        && state_.now >= job.create_micros + job.max_wait_micros)
      return end(
          job, JobState::FAILED,
          failure{errc::resource_exhausted,
                  fmt::format(
                      "Resources were not available within scheduling.maxWaitDuration of {} s: {}.",
                      static_cast<double>(job.max_wait_micros) / 1e6, job.reason)});
  }
  attempts_.overdue(job);
}

} // namespace troupe::core
