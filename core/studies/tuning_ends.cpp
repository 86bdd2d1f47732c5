#include "core/studies/tuning_ends.hpp"

#include "tuner/failures.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

using wire::JobState;

void tuning_ends::judge(tuning_job& job) {
  if (job.terminal() || job.end_state == JobState::FAILED || job.end_state == JobState::CANCELLED)
    return;
  const tuner::study_end end = trials_.end_by_rule(job);
  if (!end.reason) return;
  if (job.end_state == JobState::UNSPECIFIED) {
    job.end_state = JobState::SUCCEEDED;
    job.end_reason = *end.reason;
    out_.changed(job);
  }
  if (end.asap)
    for (auto& [number, t] : job.trials)
      if (!t.ended() && t.state != wire::Trial::State::STOPPING) stop_early(job, t, *end.reason);
  finish_if_over(job);
}

void tuning_ends::judge_failures(tuning_job& job, const trial& ended) {
  if (!ended.failed() || job.cancel_requested || job.end_state == JobState::FAILED) return;
  tuner::failure_tally seen{.first = std::nullopt, .last = ended.infeasible_reason};
  for (const auto& [number, t] : job.trials)
    seen.add(number == 1, t.failed(), t.ended(), t.infeasible_reason);
  if (auto why = tuner::too_many_failures(job.submitted->getMaxFailedTrialCount(), seen))
    decide(job, JobState::FAILED, failure{errc::invalid_argument, std::move(*why)});
}

void tuning_ends::decide(tuning_job& job, JobState end, std::optional<failure> error) {
  job.end_state = end;
  job.end_error = std::move(error);
  job.end_reason.clear();
  out_.changed(job);
  stop_trials(job);
  finish_if_over(job);
}

void tuning_ends::finish_if_over(tuning_job& job) {
  if (job.terminal()) return;
  const auto made = std::ssize(job.trials);
  const uint32_t live = job.live_trials();
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
  job.end_micros = job.update_micros = state_.now;
  job.reason = job.end_reason;
  trials_.arm(job, std::nullopt);
  out_.changed(job);
}

void tuning_ends::stop_trials(tuning_job& job) {
  for (auto& [number, t] : job.trials) {
    if (t.ended()) continue;
    t.state = wire::Trial::State::STOPPING;
    out_.changed(job, t);
    if (auto run = state_.jobs.find(t.job); run != state_.jobs.end()) jobs_.cancel(run->second);
  }
}

void tuning_ends::stop_early(tuning_job& job, trial& t, std::string reason) {
  t.state = wire::Trial::State::STOPPING;
  t.stopping_reason = std::move(reason);
  job.update_micros = state_.now;
  out_.changed(job);
  out_.changed(job, t);
  auto run = state_.jobs.find(t.job);
  if (run == state_.jobs.end()) return;
  out_.log(run->second, "INFO", fmt::format("The trial is stopped early: {}", t.stopping_reason));
  jobs_.cancel(run->second);
}

} // namespace troupe::core
