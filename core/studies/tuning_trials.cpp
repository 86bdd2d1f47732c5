// The trials of a tuning job: each runs as a custom job of its own, is measured while it runs, and
// ends with its job, early if the study's stopping rule says so (vertex.md §3.3).
#include "core/cluster/engine.hpp"
#include "core/state/records.hpp"
#include "core/state/trial_records.hpp"
#include "core/studies/measurements.hpp"
#include "tuner/failures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace troupe::core {

using wire::JobState;

namespace {

constexpr size_t points_max = 1000;

bool measures(wire::StudySpec::Reader study, std::string_view tag) {
  for (auto metric : study.getMetrics())
    if (wire::view(metric.getMetricId()) == tag) return true;
  return false;
}

/// Why no measurement can speak for the trial.
std::string unmeasured(const custom_job& run, wire::StudySpec::Reader study) {
  std::vector<std::string> silent, wild, ids;
  for (auto metric : study.getMetrics()) {
    const std::string id = wire::str(metric.getMetricId());
    ids.push_back(id);
    bool seen = false, finite = false;
    for (const metric_point& point : run.points)
      if (point.tag == id) seen = true, finite |= std::isfinite(point.value);
    if (!seen) silent.push_back(id);
    if (seen && !finite) wild.push_back(id);
  }
  if (silent.size() == ids.size())
    return fmt::format("without reporting a metric of the study; expected {}.",
                       fmt::join(ids, ", "));
  if (!silent.empty())
    return fmt::format("without reporting {}; expected every metric of the study: {}.",
                       fmt::join(silent, ", "), fmt::join(ids, ", "));
  if (!wild.empty())
    return fmt::format("without reporting a finite value of {}.", fmt::join(wild, ", "));
  if (ids.size() == 1)
    return fmt::format("with a last value of {} that is not finite.", ids.front());
  return fmt::format("without finite values of all metrics at one step; expected {} to be "
                     "reported with the same global_step.",
                     fmt::join(ids, ", "));
}

} // namespace

void engine::add_trial(tuning_job& job, wire::Suggestions::ParameterSet::Reader parameters,
                       std::string_view secret) {
  auto number = static_cast<uint32_t>(job.trials.size() + 1);
  uint64_t id = next_id_++;
  auto named = trial_custom_job(job, number, parameters,
                                resource_name(job.project, job.location, "customJobs", id), now_);
  trial& made = job.trials[number];
  made.number = number;
  made.parameters = wire::frame<wire::Suggestions::ParameterSet>::copy(parameters);
  made.job = id;
  changed(job, made);
  std::string token =
      fmt::format("{}-{}", secret.empty() ? std::string_view(job.token) : secret, number);
  custom_job& run = add_job(std::move(named), id, job.project, job.location, std::move(token));
  run.tuning_job = job.id;
  run.trial = number;
}

void engine::trial_running(custom_job& run) {
  auto found = tuning_jobs_.find(run.tuning_job);
  if (found == tuning_jobs_.end()) return;
  tuning_job& job = found->second;
  trial& t = job.trials.at(run.trial);
  if (t.state == wire::Trial::State::REQUESTED) t.state = wire::Trial::State::ACTIVE;
  if (t.start_micros == 0) t.start_micros = now_;
  if (job.state == JobState::QUEUED || job.state == JobState::PENDING)
    job.state = JobState::RUNNING;
  if (job.start_micros == 0) job.start_micros = now_;
  job.update_micros = now_;
  changed(job);
  changed(job, t);
}

void engine::trial_ended(custom_job& run) {
  auto found = tuning_jobs_.find(run.tuning_job);
  if (found == tuning_jobs_.end()) return;
  tuning_job& job = found->second;
  trial& t = job.trials.at(run.trial);
  if (t.ended()) return;
  const bool cut = run.state == JobState::CANCELLED && !t.stopping_reason.empty();
  std::optional<measurement> final;
  std::string infeasible;
  if (run.state == JobState::SUCCEEDED || cut) {
    final = final_of(measurements_of(run.points, t.start_micros, non_finite::kept), job.spec());
    if (!final)
      infeasible = fmt::format("The trial {} {}", cut ? "was stopped early" : "succeeded",
                               unmeasured(run, job.spec()));
  } else if (run.state == JobState::CANCELLED) {
    infeasible = "The trial's job was cancelled.";
    t.stopping_reason = "cancelled";
  } else {
    infeasible = run.error ? run.error->message : "The trial's job failed.";
  }
  end_trial(job, t, std::move(final), std::move(infeasible));
  job.optimal = optimal_of(job);
  changed(job);
  wants_suggestions_.insert(job.id);
  wants_stoppings_.insert(job.id);
  judge_trials(job, t);
  maybe_end_tuning(job);
}

/// Whether the study goes on after this end.
void engine::judge_trials(tuning_job& job, const trial& ended) {
  if (!ended.failed() || job.cancel_requested || job.end_state == JobState::FAILED) return;
  tuner::failure_tally seen{.first = std::nullopt, .last = ended.infeasible_reason};
  for (const auto& [number, t] : job.trials)
    seen.add(number == 1, t.failed(), t.ended(), t.infeasible_reason);
  if (auto why = tuner::too_many_failures(job.submitted->getMaxFailedTrialCount(), seen))
    decide_tuning_end(job, JobState::FAILED, failure{errc::invalid_argument, std::move(*why)});
}

bool engine::take_points(custom_job& run, wire::StudySpec::Reader study,
                         wire::MetricReport::Reader report) {
  bool news = false;
  for (auto point : report.getPoints()) {
    std::string_view tag = wire::view(point.getTag());
    if (!measures(study, tag)) continue;
    if (std::ranges::any_of(run.points, [&](const metric_point& known) {
          return known.step == point.getStep()
                 && known.timestamp_micros == point.getTimestampMicros() && known.tag == tag;
        }))
      continue;
    run.points.push_back(
        {std::string(tag), point.getValue(), point.getStep(), point.getTimestampMicros()});
    news = true;
  }
  return news;
}

void engine::metrics(node& n, wire::MetricReport::Reader report) {
  auto found = jobs_.find(report.getJobId());
  if (found == jobs_.end()) return;
  custom_job& run = found->second;
  auto tuned = tuning_jobs_.find(run.tuning_job);
  if (tuned == tuning_jobs_.end() || run.terminal() || run.attempt != report.getAttempt()
      || std::ranges::none_of(run.replicas, [&](const replica& r) { return r.node == n.name; }))
    return;
  tuning_job& job = tuned->second;
  if (!take_points(run, job.spec(), report)) return;
  trim(run.points, points_max, job.spec());
  trial& t = job.trials.at(run.trial);
  t.measurements = measurements_of(run.points, t.start_micros != 0 ? t.start_micros : now_);
  job.update_micros = now_;
  changed_attempt(run);
  changed(job);
  changed(job, t);
  wants_stoppings_.insert(job.id);
}

void engine::stop_trials(tuning_job& job) {
  for (auto& [number, t] : job.trials) {
    if (t.ended()) continue;
    t.state = wire::Trial::State::STOPPING;
    changed(job, t);
    if (auto run = jobs_.find(t.job); run != jobs_.end()) cancel(run->second);
  }
}

void engine::stop_early(tuning_job& job, trial& t, std::string reason) {
  t.state = wire::Trial::State::STOPPING;
  t.stopping_reason = std::move(reason);
  job.update_micros = now_;
  changed(job);
  changed(job, t);
  auto run = jobs_.find(t.job);
  if (run == jobs_.end()) return;
  say(run->second, "INFO", fmt::format("The trial is stopped early: {}", t.stopping_reason));
  cancel(run->second);
}

std::string engine::cancellation_of(const custom_job& run) {
  if (auto job = tuning_jobs_.find(run.tuning_job); job != tuning_jobs_.end()) {
    const trial& t = job->second.trials.at(run.trial);
    if (!t.stopping_reason.empty())
      return fmt::format("CANCELLED: the trial was stopped early: {}", t.stopping_reason);
  }
  return "CANCELLED";
}

} // namespace troupe::core
