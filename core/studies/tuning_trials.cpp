#include "core/studies/tuning_trials.hpp"

#include "base/names.hpp"
#include "core/state/trial_records.hpp"
#include "core/studies/measurements.hpp"
#include "core/studies/trial_job.hpp"

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
    for (const wire::metric_point& point : run.points)
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

void tuning_trials::add(tuning_job& job, wire::Suggestions::ParameterSet::Reader parameters,
                        std::string_view secret) {
  auto number = static_cast<uint32_t>(job.trials.size() + 1);
  uint64_t id = state_.next_id++;
  auto named =
      trial_custom_job(job, number, parameters,
                       resource_name(job.project, job.location, "customJobs", id), state_.now);
  trial& made = job.trials[number];
  made.number = number;
  made.parameters = wire::frame<wire::Suggestions::ParameterSet>::copy(parameters);
  made.job = id;
  out_.changed(job, made);
  std::string token =
      fmt::format("{}-{}", secret.empty() ? std::string_view(job.token) : secret, number);
  custom_job& run = jobs_.add(std::move(named), id, job.project, job.location, std::move(token));
  run.tuning_job = job.id;
  run.trial = number;
  run.metric_tags = metric_tags_of(job.spec());
}

void tuning_trials::running(custom_job& run) {
  auto found = state_.tuning_jobs.find(run.tuning_job);
  if (found == state_.tuning_jobs.end()) return;
  tuning_job& job = found->second;
  trial& t = job.trials.at(run.trial);
  if (t.state == wire::Trial::State::REQUESTED) t.state = wire::Trial::State::ACTIVE;
  if (t.start_micros == 0) t.start_micros = state_.now;
  if (job.state == JobState::QUEUED || job.state == JobState::PENDING)
    job.state = JobState::RUNNING;
  if (job.start_micros == 0) job.start_micros = state_.now;
  job.update_micros = state_.now;
  out_.changed(job);
  out_.changed(job, t);
}

void tuning_trials::ended(custom_job& run) {
  auto found = state_.tuning_jobs.find(run.tuning_job);
  if (found == state_.tuning_jobs.end()) return;
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
  trials_.end(job, t, std::move(final), std::move(infeasible));
  job.optimal = optimal_of(job);
  out_.changed(job);
  trials_.want_suggestions(job.id);
  trials_.want_stoppings(job.id);
  ends_.judge_failures(job, t);
  ends_.finish_if_over(job);
}

bool tuning_trials::add_points(custom_job& run, wire::StudySpec::Reader study,
                               wire::MetricReport::Reader report) {
  bool news = false;
  for (auto point : report.getPoints()) {
    std::string_view tag = wire::view(point.getTag());
    if (!measures(study, tag)) continue;
    if (std::ranges::any_of(run.points, [&](const wire::metric_point& known) {
          return known.step == point.getStep()
                 && known.timestamp_micros == point.getTimestampMicros() && known.tag == tag;
        }))
      continue;
    run.points.push_back(wire::metric_point_of(point));
    news = true;
  }
  return news;
}

void tuning_trials::measured(const node& n, wire::MetricReport::Reader report) {
  auto found = state_.jobs.find(report.getJobId());
  if (found == state_.jobs.end()) return;
  custom_job& run = found->second;
  auto tuned = state_.tuning_jobs.find(run.tuning_job);
  if (tuned == state_.tuning_jobs.end() || run.terminal() || run.attempt != report.getAttempt()
      || std::ranges::none_of(run.replicas, [&](const replica& r) { return r.node == n.name; }))
    return;
  tuning_job& job = tuned->second;
  if (!add_points(run, job.spec(), report)) return;
  trim(run.points, points_max, job.spec());
  trial& t = job.trials.at(run.trial);
  t.measurements = measurements_of(run.points, t.start_micros != 0 ? t.start_micros : state_.now);
  job.update_micros = state_.now;
  out_.changed_attempt(run);
  out_.changed(job);
  out_.changed(job, t);
  trials_.want_stoppings(job.id);
}

std::string tuning_trials::cancellation_text(const custom_job& run) {
  if (auto job = state_.tuning_jobs.find(run.tuning_job); job != state_.tuning_jobs.end()) {
    const trial& t = job->second.trials.at(run.trial);
    if (!t.stopping_reason.empty())
      return fmt::format("CANCELLED: the trial was stopped early: {}", t.stopping_reason);
  }
  return "CANCELLED";
}

} // namespace troupe::core
