#include "cli/tune/trials.hpp"

#include "cli/terminal/format.hpp"
#include "core/state/trial_records.hpp"
#include "core/studies/measurements.hpp"

#include <fmt/ranges.h>

#include <cmath>
#include <cstring>
#include <sys/wait.h>

namespace troupe::cli {

namespace {

using state = wire::Trial::State;

std::string complaint_of(const program_end& end) {
  return end.complaint.empty() ? "" : ": " + end.complaint;
}

/// The problem of the program's end; empty if there is none.
std::string failure_of(const program_end& end) {
  if (!end.not_run.empty()) return end.not_run;
  if (!end.overdue.empty())
    return fmt::format("it did not end within {}, and was stopped{}", end.overdue,
                       complaint_of(end));
  if (WIFSIGNALED(end.status)) {
    const auto* name = ::sigabbrev_np(WTERMSIG(end.status));
    return fmt::format("killed by {}{}",
                       name ? fmt::format("SIG{}", name)
                            : fmt::format("signal {}", WTERMSIG(end.status)),
                       complaint_of(end));
  }
  if (WEXITSTATUS(end.status) != 0)
    return fmt::format("exit code {}{}", WEXITSTATUS(end.status), complaint_of(end));
  return {};
}

const wire::metric_point* last_of(std::span<const wire::metric_point> points,
                                  std::string_view metric) {
  const wire::metric_point* last = nullptr;
  for (const auto& point : points)
    if (point.tag == metric
        && (!last
            || std::pair(point.step, point.timestamp_micros)
                   >= std::pair(last->step, last->timestamp_micros)))
      last = &point;
  return last;
}

/// The problem of the reports, if none of them can be the final measurement.
std::string unmeasured(wire::StudySpec::Reader study, std::span<const wire::metric_point> points) {
  std::vector<std::string> missing;
  for (const auto& id : metric_ids(study)) {
    const auto* last = last_of(points, id);
    if (!last)
      missing.push_back(id);
    else if (!std::isfinite(last->value))
      return fmt::format("it reported {} = {}; expected a finite number", id, metric(last->value));
  }
  if (!missing.empty())
    return fmt::format("it reported no {0}; expected the metric in the file that "
                       "CLOUD_ML_HP_METRIC_FILE names, or in its output, as a line {1}=NUMBER "
                       "or as --metric-from-output has it",
                       fmt::join(missing, " and no "), missing.front());
  return fmt::format("it never reported {} at the same step",
                     fmt::join(metric_ids(study), " and "));
}

} // namespace

trial_frame new_trial(size_t number, const std::vector<tuner::parameter_value>& values) {
  const auto id = std::to_string(number);
  return trial_frame::build([&](wire::Trial::Builder built) {
    built.setId(wire::text(id));
    built.setState(state::REQUESTED);
    auto parameters = built.initParameters(static_cast<uint32_t>(values.size()));
    for (uint32_t i = 0; i < parameters.size(); ++i) {
      parameters[i].setParameterId(wire::text(values[i].id));
      if (const auto* text = std::get_if<std::string>(&values[i].value))
        parameters[i].initValue().setString(wire::text(*text));
      else
        parameters[i].initValue().setNumber(std::get<double>(values[i].value));
    }
  });
}

trial_frame started(const trial_frame& trial, int64_t now_micros) {
  return trial.with([&](wire::Trial::Builder built) {
    built.setState(state::ACTIVE);
    built.initStartTime().setMicros(now_micros);
    built.initMeasurements(0);
  });
}

trial_frame with_points(const trial_frame& trial, std::span<const wire::metric_point> points) {
  const auto measured = core::measurements_of(points, trial->getStartTime().getMicros());
  return trial.with([&](wire::Trial::Builder built) {
    auto list = built.initMeasurements(static_cast<uint32_t>(measured.size()));
    for (uint32_t i = 0; i < list.size(); ++i)
      core::set_measurement(list[i], measured[i]);
  });
}

trial_frame judged(const trial_frame& trial, wire::StudySpec::Reader study,
                   std::span<const wire::metric_point> points, const program_end& end,
                   int64_t now_micros) {
  const auto whole = with_points(trial, points);
  // A trial that was stopped is judged by its reports, not by its exit status.
  auto reason = end.stopping_reason.empty() ? failure_of(end) : std::string();
  // A last value that is not a number counts as well: an earlier one would hide the trial's
  // failure.
  const auto measured =
      core::measurements_of(points, trial->getStartTime().getMicros(), core::non_finite::kept);
  const auto final = core::final_of(measured, study);
  if (reason.empty() && !final) {
    reason = unmeasured(study, points);
    if (!end.stopping_reason.empty())
      reason = "stopped (" + end.stopping_reason + "), and " + reason;
  }
  return whole.with([&](wire::Trial::Builder built) {
    built.initEndTime().setMicros(now_micros);
    if (!end.stopping_reason.empty()) built.setStoppingReason(wire::text(end.stopping_reason));
    built.setState(reason.empty() ? state::SUCCEEDED : state::INFEASIBLE);
    if (reason.empty())
      core::set_measurement(built.initFinalMeasurement(), *final);
    else
      built.setInfeasibleReason(wire::text(reason));
  });
}

std::vector<tuner::parameter_value> values_of(wire::StudySpec::Reader study,
                                              wire::Trial::Reader trial) {
  const tuner::search_space space(study);
  const auto row = space.row_of(trial.getParameters());
  return row ? space.values_of(*row) : std::vector<tuner::parameter_value>();
}

std::vector<std::string> metric_ids(wire::StudySpec::Reader study) {
  std::vector<std::string> ids;
  for (auto metric : study.getMetrics())
    ids.push_back(wire::str(metric.getMetricId()));
  return ids;
}

bool has_ended(wire::Trial::Reader trial) {
  return trial.getState() == state::SUCCEEDED || trial.getState() == state::INFEASIBLE;
}

} // namespace troupe::cli
