#include "core/studies/tuning_jobs.hpp"

#include "base/names.hpp"
#include "core/state/study_records.hpp"
#include "core/state/trial_records.hpp"
#include "core/validate/validate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

using wire::JobState;

namespace {

/// How often in a row the tuner may fail before the job does.
constexpr uint32_t tuner_failures_max = 3;

} // namespace

void tuning_jobs::create(wire::HyperparameterTuningJob::Reader wanted,
                         wire::Command::Reader command, std::string_view secret) {
  auto problems = problems_of(wanted, state_.settings.machines);
  if (problems.empty())
    if (std::string missing = trials_.missing_prior(wanted.getStudySpec(), command);
        !missing.empty())
      problems.push_back(std::move(missing));
  if (!problems.empty()) return out_.answer_problems(problems);
  uint64_t id = state_.next_id++;
  tuning_job& job = state_.tuning_jobs[id];
  job.id = id;
  job.project = wire::str(command.getProject());
  job.location = wire::str(command.getLocation());
  job.token = secret;
  job.submitted = named_job(
      wanted, resource_name(job.project, job.location, "hyperparameterTuningJobs", id), state_.now);
  job.create_micros = job.update_micros = state_.now;
  job.reason = "waiting for the first suggestions";
  out_.changed(job);
  trials_.want_suggestions(id);
  out_.answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTuningJob(*resource_of(job)); }));
}

tuning_job* tuning_jobs::find(uint64_t id, wire::Command::Reader command) {
  auto found = state_.tuning_jobs.find(id);
  if (found != state_.tuning_jobs.end() && found->second.project == wire::view(command.getProject())
      && found->second.location == wire::view(command.getLocation()))
    return &found->second;
  out_.answer_missing(command, "hyperparameterTuningJobs", id);
  return nullptr;
}

void tuning_jobs::cancel(uint64_t id, wire::Command::Reader command) {
  tuning_job* job = find(id, command);
  if (!job) return;
  out_.answer_empty();
  if (job->terminal() || job->cancel_requested) return;
  job->cancel_requested = true;
  job->state = JobState::CANCELLING;
  job->update_micros = state_.now;
  ends_.decide(*job, JobState::CANCELLED, failure{errc::cancelled, "CANCELLED"});
}

void tuning_jobs::remove(uint64_t id, wire::Command::Reader command) {
  tuning_job* job = find(id, command);
  if (!job) return;
  if (!job->terminal())
    return out_.answer_error(
        errc::failed_precondition,
        fmt::format("{} has not ended. Cancel it first, then delete it.", job->name()));
  for (const auto& [number, t] : job->trials)
    if (auto found = state_.jobs.find(t.job); found != state_.jobs.end() && !found->second.deleted)
      jobs_.erase_resource(found->second);
  out_.erase(*job);
  out_.answer_deletion(job->project, job->location);
  trials_.arm(*job, std::nullopt);
  state_.tuning_jobs.erase(id);
}

void tuning_jobs::resume(wire::ResumeTuningJob::Reader resume, wire::Command::Reader command) {
  tuning_job* job = find(resume.getId(), command);
  if (!job) return;
  if (!job->terminal())
    return out_.answer_error(
        errc::failed_precondition,
        fmt::format("{} has not ended, so it cannot be resumed. Cancel it, or wait "
                    "until it ends; then resume it with a greater maxTrialCount.",
                    job->name()));
  const auto wanted = resume.getWanted();
  if (auto problems = problems_of(wanted, *job->submitted, job->trials.size()); !problems.empty())
    return out_.answer_problems(problems);
  if (tuner::study_end end = trials_.end_by_rule(*job); end.reason)
    return out_.answer_error(
        errc::failed_precondition,
        fmt::format("{} cannot be resumed: its studyStoppingConfig would end it "
                    "again at once: {}. Make a new job that learns from it by "
                    "transferLearningConfig.priorStudyNames.",
                    job->name(), *end.reason));
  job->submitted = job->submitted.with([&](wire::HyperparameterTuningJob::Builder builder) {
    if (wanted.getMaxTrialCount() != 0) builder.setMaxTrialCount(wanted.getMaxTrialCount());
    if (wanted.getParallelTrialCount() != 0)
      builder.setParallelTrialCount(wanted.getParallelTrialCount());
    if (wanted.getMaxFailedTrialCount() != 0)
      builder.setMaxFailedTrialCount(wanted.getMaxFailedTrialCount());
  });
  job->state = job->trials.empty() ? JobState::QUEUED : JobState::PENDING;
  job->error.reset();
  job->end_micros = 0;
  job->end_reason.clear();
  job->cancel_requested = false;
  job->tuner_failures = 0;
  job->asked_from = 0;
  job->update_micros = state_.now;
  job->reason = "resumed: waiting for suggestions";
  out_.changed(*job);
  trials_.want_suggestions(job->id);
  out_.answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTuningJob(*whole_of(*job)); }));
}

void tuning_jobs::ask(tuning_job& job) {
  if (job.over()) return;
  int64_t made = std::ssize(job.trials);
  int64_t count =
      std::min<int64_t>(job.submitted->getParallelTrialCount() - int64_t{job.live_trials()},
                        job.submitted->getMaxTrialCount() - made);
  auto first = static_cast<uint32_t>(made + 1);
  if (count <= 0 || job.asked_from == first) return;
  job.asked_from = first;
  out_.ask(suggestion_request{job.id,
                              first,
                              static_cast<uint32_t>(count),
                              0,
                              frame_for_suggestions(job),
                              {},
                              trials_.priors_of(job)});
}

void tuning_jobs::suggested(tuning_job& job, wire::Suggestions::Reader answer,
                            std::string_view secret) {
  if (job.over() || answer.getFirstTrial() != job.trials.size() + 1) return;
  job.asked_from = 0;
  out_.changed(job);
  trials_.want_suggestions(job.id);
  if (answer.getError().size() > 0) {
    if (++job.tuner_failures < tuner_failures_max) return;
    // The trials under way are as good as ever: they may end.
    job.end_state = JobState::FAILED;
    job.end_error = failure{
        errc::internal,
        fmt::format("The tuner failed {} times in a row to suggest trial {}: {}. The trials so far "
                    "are kept; resume the job once the cause is fixed.",
                    job.tuner_failures, answer.getFirstTrial(), wire::view(answer.getError()))};
    return ends_.finish_if_over(job);
  }
  job.tuner_failures = 0;
  int64_t most =
      std::min<int64_t>(job.submitted->getParallelTrialCount() - int64_t{job.live_trials()},
                        job.submitted->getMaxTrialCount() - std::ssize(job.trials));
  int64_t taken = 0;
  for (auto parameters : answer.getParameters()) {
    if (taken >= most) break;
    tuning_trials_.add(job, parameters, secret);
    ++taken;
  }
  int64_t offered = answer.getParameters().size();
  // An answer without a point would be the same answer if asked for again.
  if ((answer.getExhausted() || offered == 0) && taken == offered) {
    job.end_state = JobState::SUCCEEDED;
    job.end_reason = "the search space holds no further point";
  }
  if (taken > 0 && job.state == JobState::QUEUED)
    job.state = JobState::PENDING, job.update_micros = state_.now;
  ends_.finish_if_over(job);
}

} // namespace troupe::core
