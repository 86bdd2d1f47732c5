// Hyperparameter tuning: a tuning job asks for suggestions, runs each as a custom job of its own
// (tuning_trials.cpp), and ends when enough have been tried (vertex.md §3.1 and §3.3).
#include "core/cluster/engine.hpp"
#include "core/state/records.hpp"
#include "core/state/trial_records.hpp"
#include "core/validate/validate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

using store::family;
using store::key_of;
using wire::JobState;

namespace {

/// How often in a row the tuner may fail before the job does.
constexpr uint32_t tuner_failures_max = 3;

/// What is wrong with the new counts of a job that goes on; nothing if they can stand.
std::vector<std::string> problems_of(wire::ResumeTuningJobRequest::Reader wanted,
                                     const tuning_job& job) {
  std::vector<std::string> problems;
  const auto made = std::ssize(job.trials);
  const int64_t most = wanted.getMaxTrialCount() != 0 ? wanted.getMaxTrialCount()
                                                      : job.submitted->getMaxTrialCount();
  if (most <= made)
    problems.push_back(
        fmt::format("maxTrialCount: {}; expected more than {}, the number of trials made so far",
                    wanted.getMaxTrialCount() != 0 ? fmt::format("{}", most)
                                                   : fmt::format("not set, which leaves {}", most),
                    made));
  const int64_t parallel = wanted.getParallelTrialCount() != 0
                               ? wanted.getParallelTrialCount()
                               : job.submitted->getParallelTrialCount();
  if (parallel < 1 || parallel > most)
    problems.push_back(fmt::format(
        "parallelTrialCount: {}; expected 1 to maxTrialCount, which is {}", parallel, most));
  if (wanted.getMaxFailedTrialCount() < 0 || wanted.getMaxFailedTrialCount() > most)
    problems.push_back(
        fmt::format("maxFailedTrialCount: {}; expected 0 to maxTrialCount, which is {}",
                    wanted.getMaxFailedTrialCount(), most));
  return problems;
}

} // namespace

void engine::create_tuning_job(wire::HyperparameterTuningJob::Reader wanted,
                               wire::Command::Reader command, std::string_view secret) {
  auto problems = core::problems_of(wanted, settings_.machines);
  if (problems.empty())
    if (std::string missing = missing_prior(wanted.getStudySpec(), command); !missing.empty())
      problems.push_back(std::move(missing));
  if (!problems.empty()) return answer_problems(problems);
  uint64_t id = next_id_++;
  tuning_job& job = tuning_jobs_[id];
  job.id = id;
  job.project = wire::str(command.getProject());
  job.location = wire::str(command.getLocation());
  job.token = secret;
  job.submitted = named_job(
      wanted, resource_name(job.project, job.location, "hyperparameterTuningJobs", id), now_);
  job.create_micros = job.update_micros = now_;
  job.reason = "waiting for the first suggestions";
  changed(job);
  wants_suggestions_.insert(id);
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTuningJob(*resource_of(job)); }));
}

tuning_job* engine::find_tuning_job(uint64_t id, wire::Command::Reader command) {
  auto found = tuning_jobs_.find(id);
  if (found != tuning_jobs_.end() && found->second.project == wire::view(command.getProject())
      && found->second.location == wire::view(command.getLocation()))
    return &found->second;
  answer_missing(command, "hyperparameterTuningJobs", id);
  return nullptr;
}

void engine::cancel_tuning_job(uint64_t id, wire::Command::Reader command) {
  tuning_job* job = find_tuning_job(id, command);
  if (!job) return;
  answer_empty();
  if (job->terminal() || job->cancel_requested) return;
  job->cancel_requested = true;
  job->state = JobState::CANCELLING;
  job->update_micros = now_;
  decide_tuning_end(*job, JobState::CANCELLED, failure{errc::cancelled, "CANCELLED"});
}

void engine::delete_tuning_job(uint64_t id, wire::Command::Reader command) {
  tuning_job* job = find_tuning_job(id, command);
  if (!job) return;
  if (!job->terminal())
    return answer_error(
        errc::failed_precondition,
        fmt::format("{} has not ended. Cancel it first, then delete it.", job->name()));
  for (const auto& [number, t] : job->trials)
    if (auto found = jobs_.find(t.job); found != jobs_.end() && !found->second.deleted)
      erase_resource(found->second);
  out_.writes.erase(family::tuning_jobs, key_of(id));
  out_.writes.erase(family::attempts, key_of(id));
  // '0' follows '/', so this is every key that starts with the job's.
  out_.writes.range_deletes.push_back({family::trials, parts_prefix(id), parts_end(id)});
  answer_deletion(job->project, job->location);
  arm(static_cast<study&>(*job), std::nullopt);
  tuning_jobs_.erase(id);
}

void engine::resume_tuning_job(wire::ResumeTuningJob::Reader resume,
                               wire::Command::Reader command) {
  tuning_job* job = find_tuning_job(resume.getId(), command);
  if (!job) return;
  if (!job->terminal())
    return answer_error(errc::failed_precondition,
                        fmt::format("{} has not ended, so it cannot be resumed. Cancel it, or wait "
                                    "until it ends; then resume it with a greater maxTrialCount.",
                                    job->name()));
  const auto wanted = resume.getWanted();
  if (auto problems = problems_of(wanted, *job); !problems.empty())
    return answer_problems(problems);
  if (tuner::study_end end = end_by_rule(*job); end.reason)
    return answer_error(errc::failed_precondition,
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
  job->update_micros = now_;
  job->reason = "resumed: waiting for suggestions";
  changed(*job);
  wants_suggestions_.insert(job->id);
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTuningJob(*whole_of(*job)); }));
}

void engine::ask(tuning_job& job) {
  if (job.over()) return;
  int64_t made = std::ssize(job.trials);
  int64_t count =
      std::min<int64_t>(job.submitted->getParallelTrialCount() - int64_t{job.live_trials()},
                        job.submitted->getMaxTrialCount() - made);
  auto first = static_cast<uint32_t>(made + 1);
  if (count <= 0 || job.asked_from == first) return;
  job.asked_from = first;
  out_.suggestion_requests.push_back({job.id,
                                      first,
                                      static_cast<uint32_t>(count),
                                      0,
                                      frame_for_suggestions(job),
                                      {},
                                      priors_of(job)});
}

void engine::suggestions(wire::Suggestions::Reader answer, std::string_view secret) {
  if (auto job = tuning_jobs_.find(answer.getTuningJobId()); job != tuning_jobs_.end())
    return suggestions(job->second, answer, secret);
  if (auto study = client_studies_.find(answer.getTuningJobId()); study != client_studies_.end())
    suggestions(study->second, answer);
}

void engine::suggestions(tuning_job& job, wire::Suggestions::Reader answer,
                         std::string_view secret) {
  if (job.over() || answer.getFirstTrial() != job.trials.size() + 1) return;
  job.asked_from = 0;
  changed(job);
  wants_suggestions_.insert(job.id);
  if (answer.getError().size() > 0) {
    if (++job.tuner_failures < tuner_failures_max) return;
    // The trials under way are as good as ever: they may end.
    job.end_state = JobState::FAILED;
    job.end_error = failure{
        errc::internal,
        fmt::format("The tuner failed {} times in a row to suggest trial {}: {}. The trials so far "
                    "are kept; resume the job once the cause is mended.",
                    job.tuner_failures, answer.getFirstTrial(), wire::view(answer.getError()))};
    return maybe_end_tuning(job);
  }
  job.tuner_failures = 0;
  int64_t room =
      std::min<int64_t>(job.submitted->getParallelTrialCount() - int64_t{job.live_trials()},
                        job.submitted->getMaxTrialCount() - std::ssize(job.trials));
  int64_t taken = 0;
  for (auto parameters : answer.getParameters()) {
    if (taken >= room) break;
    add_trial(job, parameters, secret);
    ++taken;
  }
  int64_t offered = answer.getParameters().size();
  // An answer without a point would be the same answer if asked for again.
  if ((answer.getExhausted() || offered == 0) && taken == offered) {
    job.end_state = JobState::SUCCEEDED;
    job.end_reason = "the search space holds no further point";
  }
  if (taken > 0 && job.state == JobState::QUEUED)
    job.state = JobState::PENDING, job.update_micros = now_;
  maybe_end_tuning(job);
}

void engine::judge_end(tuning_job& job) {
  if (job.terminal() || job.end_state == JobState::FAILED || job.end_state == JobState::CANCELLED)
    return;
  tuner::study_end end = end_by_rule(job);
  if (!end.reason) return;
  if (job.end_state == JobState::UNSPECIFIED) {
    job.end_state = JobState::SUCCEEDED;
    job.end_reason = *end.reason;
    changed(job);
  }
  if (end.asap)
    for (auto& [number, t] : job.trials)
      if (!t.ended() && t.state != wire::Trial::State::STOPPING) stop_early(job, t, *end.reason);
  maybe_end_tuning(job);
}

void engine::decide_tuning_end(tuning_job& job, JobState end, std::optional<failure> error) {
  job.end_state = end;
  job.end_error = std::move(error);
  job.end_reason.clear();
  changed(job);
  stop_trials(job);
  maybe_end_tuning(job);
}

void engine::maybe_end_tuning(tuning_job& job) {
  if (job.terminal()) return;
  auto made = std::ssize(job.trials);
  uint32_t live = job.live_trials();
  job.reason = fmt::format("{} of at most {} trials made, {} under way", made,
                           job.submitted->getMaxTrialCount(), live);
  if (!job.end_reason.empty()) job.reason += ": " + job.end_reason;
  JobState end = job.end_state;
  if (end == JobState::UNSPECIFIED && made >= job.submitted->getMaxTrialCount())
    end = JobState::SUCCEEDED;
  if (live > 0 || end == JobState::UNSPECIFIED) return;
  job.error = job.end_error;
  if (end == JobState::SUCCEEDED && made > 0 && std::ranges::all_of(job.trials, [](const auto& t) {
        return t.second.state == wire::Trial::State::INFEASIBLE;
      })) {
    end = JobState::FAILED;
    job.error =
        failure{errc::invalid_argument, fmt::format("All {} trials failed. The last one: {}", made,
                                                    job.trials.rbegin()->second.infeasible_reason)};
  }
  job.state = end;
  job.end_state = JobState::UNSPECIFIED;
  job.end_error.reset();
  job.end_micros = job.update_micros = now_;
  job.reason = job.end_reason;
  arm(static_cast<study&>(job), std::nullopt);
  changed(job);
}

} // namespace troupe::core
