#include "cli/tune/view.hpp"

#include "cli/terminal/format.hpp"
#include "cli/terminal/shell_words.hpp"
#include "cli/terminal/table.hpp"
#include "cli/tune/trials.hpp"
#include "tuner/objective.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace troupe::cli {

namespace {

using state = wire::Trial::State;
using trial_reader = wire::Trial::Reader;
using lines = std::vector<std::string>;

constexpr size_t shown_ended = 6;
constexpr size_t shown_front = 10;
constexpr size_t plot_rows = 6;

bool is_running(trial_reader trial) {
  return trial.getState() == state::ACTIVE || trial.getState() == state::STOPPING;
}

bool was_stopped(trial_reader trial) { return trial.getStoppingReason().size() > 0; }

struct tally {
  size_t ended = 0, running = 0, failed = 0, stopped = 0;
};

tally tally_of(tuned_reader job) {
  tally out;
  for (auto trial : job.getTrials()) {
    out.ended += has_ended(trial);
    out.running += is_running(trial);
    out.failed += trial.getState() == state::INFEASIBLE;
    out.stopped += trial.getState() == state::SUCCEEDED && was_stopped(trial);
  }
  return out;
}

std::vector<wire::MetricSpec::Reader> objectives(tuned_reader job) {
  std::vector<wire::MetricSpec::Reader> found;
  for (auto metric : job.getStudySpec().getMetrics())
    if (!metric.hasSafetyConfig()) found.push_back(metric);
  return found;
}

std::string goals_of(tuned_reader job) {
  std::string out;
  for (auto goal : objectives(job))
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ",
                       tuner::is_better(goal.getGoal(), 1, 0) ? "maximise" : "minimise",
                       printable(wire::view(goal.getMetricId())));
  return out;
}

std::string values_text(wire::Measurement::Reader measurement) {
  std::string out;
  for (auto value : measurement.getMetrics())
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ",
                       printable(wire::view(value.getMetricId())), metric(value.getValue()));
  return out;
}

/// Six digits are enough to distinguish trials; sixteen make a table unreadable.
std::string parameter_text(trial_reader trial) {
  std::string out;
  for (auto parameter : trial.getParameters()) {
    const auto value = parameter.getValue();
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", wire::view(parameter.getParameterId()),
                       value.isNumber() ? metric(value.getNumber()) : wire::str(value.getString()));
  }
  return printable(out);
}

instant time_of(wire::Timestamp::Reader at) { return instant_of(at.getMicros()); }

std::string took(trial_reader trial, instant now) {
  if (trial.getStartTime().getMicros() == 0) return "-";
  return span((has_ended(trial) ? time_of(trial.getEndTime()) : now)
              - time_of(trial.getStartTime()));
}

/// The result of a trial, in a word.
std::string outcome_of(trial_reader trial) {
  if (trial.getState() == state::INFEASIBLE) return "INFEASIBLE";
  if (trial.getState() == state::SUCCEEDED) return was_stopped(trial) ? "STOPPED" : "SUCCEEDED";
  return trial.getState() == state::STOPPING ? "STOPPING" : "ACTIVE";
}

std::string reason_of(trial_reader trial) {
  const auto text = trial.getState() == state::INFEASIBLE ? trial.getInfeasibleReason()
                                                          : trial.getStoppingReason();
  return printable(wire::view(text));
}

std::string measured_text(trial_reader trial) {
  if (trial.getState() == state::SUCCEEDED) return values_text(trial.getFinalMeasurement());
  const auto measurements = trial.getMeasurements();
  return measurements.size() > 0 ? values_text(measurements[measurements.size() - 1]) : "";
}

std::string step_text(trial_reader trial) {
  const auto measurements = trial.getMeasurements();
  if (trial.getState() == state::SUCCEEDED)
    return std::to_string(trial.getFinalMeasurement().getStepCount());
  if (measurements.size() == 0) return "-";
  return std::to_string(measurements[measurements.size() - 1].getStepCount());
}

/// A program that counts no steps has them all at 0.
std::string at_step(trial_reader trial) {
  const auto step = trial.getFinalMeasurement().getStepCount();
  return step == 0 ? "" : fmt::format(" at step {}", step);
}

/// Estimated from the time that trials took so far; empty before one has ended.
std::string time_left(tuned_reader job, const tally& seen, instant now) {
  double sum_s = 0, under_way_s = 0;
  size_t counted = 0;
  for (auto trial : job.getTrials()) {
    const auto start = trial.getStartTime().getMicros();
    if (trial.getState() == state::SUCCEEDED) {
      sum_s += double(trial.getEndTime().getMicros() - start) / 1e6;
      ++counted;
    } else if (is_running(trial)) {
      under_way_s += double(micros_of(now) - start) / 1e6;
    }
  }
  const auto most = static_cast<size_t>(job.getMaxTrialCount());
  if (counted == 0 || seen.ended >= most) return "";
  const auto mean_s = sum_s / double(counted);
  const auto work_s = std::max(mean_s * double(most - seen.ended) - under_way_s, 0.0);
  const auto left_s = work_s / std::max(1, job.getParallelTrialCount());
  return fmt::format(", about {} left", span(micros(std::llround(left_s * 1e6))));
}

std::string headline(const console& at, tuned_reader job, const tally& seen, instant now) {
  auto out = fmt::format("{}  {}  {} of {} trials", at.painted(tone::bold, "TUNE"), goals_of(job),
                         seen.ended, job.getMaxTrialCount());
  if (seen.running > 0) out += fmt::format(", {} running", seen.running);
  if (seen.stopped > 0) out += fmt::format(", {} stopped early", seen.stopped);
  if (seen.failed > 0) out += fmt::format(", {} infeasible", seen.failed);
  if (!job.hasStartTime()) return out;
  out += "  " + span(now - time_of(job.getStartTime()));
  return out + time_left(job, seen, now);
}

std::vector<trial_reader> optimal(tuned_reader job) {
  std::vector<trial_reader> out;
  for (const auto i : tuner::optimal_trials(job.getStudySpec(), job.getTrials()))
    out.push_back(job.getTrials()[static_cast<uint32_t>(i)]);
  return out;
}

void add_best(const console& at, tuned_reader job, lines& out) {
  const auto best = optimal(job);
  if (best.empty()) return;
  if (objectives(job).size() == 1) {
    out.push_back(fmt::format("{}  trial {}  {}  {}", at.painted(tone::good, "BEST"),
                              wire::view(best[0].getId()),
                              at.painted(tone::bold, values_text(best[0].getFinalMeasurement())),
                              parameter_text(best[0])));
    return;
  }
  out.push_back(
      fmt::format("{}  {}", at.painted(tone::good, "PARETO FRONT"), counted(best.size(), "trial")));
  for (size_t i = 0; i < std::min(best.size(), shown_ended); ++i)
    out.push_back(fmt::format("  trial {}  {}  {}", wire::view(best[i].getId()),
                              values_text(best[i].getFinalMeasurement()), parameter_text(best[i])));
}

void add_plot(const console& at, tuned_reader job, lines& out) {
  const auto goals = objectives(job);
  if (goals.size() != 1) return;
  std::vector<double> values;
  for (auto trial : job.getTrials()) {
    if (!has_ended(trial)) continue;
    const auto value =
        tuner::metric_value(trial.getFinalMeasurement(), wire::view(goals[0].getMetricId()));
    const bool counts = trial.getState() == state::SUCCEEDED && value
                        && tuner::is_safe(job.getStudySpec(), trial.getFinalMeasurement());
    values.push_back(counts ? *value : NAN);
  }
  const auto plot = text_plot(values, !tuner::is_better(goals[0].getGoal(), 1, 0),
                              std::min<size_t>(at.size().columns, 100), plot_rows);
  if (!plot.empty()) out.push_back("");
  out.insert(out.end(), plot.begin(), plot.end());
}

void add_table(lines& out, const table& made) {
  if (made.empty()) return;
  out.push_back("");
  for (auto& line : made.lines())
    out.push_back(line);
}

table running_table(tuned_reader job, instant now) {
  table made({{"RUNNING"},
              {"FOR", align::right},
              {"STEP", align::right},
              {"SO FAR"},
              {"PARAMETERS", align::left, 200}});
  for (auto trial : job.getTrials())
    if (is_running(trial))
      made.add({fmt::format("trial {}{}", wire::view(trial.getId()),
                            trial.getState() == state::STOPPING ? " (stopping)" : ""),
                took(trial, now), step_text(trial), measured_text(trial), parameter_text(trial)});
  return made;
}

table ended_table(const console& at, tuned_reader job, instant now) {
  std::vector<trial_reader> ended;
  for (auto trial : job.getTrials())
    if (has_ended(trial)) ended.push_back(trial);
  const auto shown = std::min(ended.size(), shown_ended);
  std::ranges::partial_sort(ended, ended.begin() + ptrdiff_t(shown), std::greater(),
                            [](trial_reader trial) { return trial.getEndTime().getMicros(); });
  table made({{"ENDED LAST"},
              {"STATE"},
              {"TOOK", align::right},
              {"RESULT"},
              {"PARAMETERS", align::left, 200}});
  for (size_t i = 0; i < shown; ++i) {
    const auto trial = ended[i];
    const auto outcome = outcome_of(trial);
    const bool failed = trial.getState() == state::INFEASIBLE;
    made.add(
        {fmt::format("trial {}", wire::view(trial.getId())),
         at.painted(was_stopped(trial) && !failed ? tone::warning : tone_of(outcome), outcome),
         took(trial, now), failed ? "" : measured_text(trial),
         (reason_of(trial).empty() ? "" : "(" + reason_of(trial) + ")  ") + parameter_text(trial)});
  }
  return made;
}

void add_parameters(const console& at, trial_reader trial, lines& out) {
  size_t widest = 0;
  for (auto parameter : trial.getParameters())
    widest = std::max(widest, display_width(wire::view(parameter.getParameterId())));
  for (auto parameter : trial.getParameters()) {
    const auto id = printable(wire::view(parameter.getParameterId()));
    const auto value = parameter.getValue();
    out.push_back(fmt::format("  {}{}  {}", at.painted(tone::dim, id),
                              std::string(widest - std::min(widest, display_width(id)), ' '),
                              value.isNumber() ? fmt::format("{}", value.getNumber())
                                               : printable(wire::view(value.getString()))));
  }
}

} // namespace

lines text_plot(const std::vector<double>& values, bool minimized, size_t columns, size_t rows) {
  std::vector<double> finite;
  for (const double value : values)
    if (std::isfinite(value)) finite.push_back(value);
  constexpr size_t label = 12;
  if (finite.size() < 2 || columns < label + 10) return {};
  std::ranges::sort(finite);
  // The worst quarter tells little about the search, and may be far away.
  const auto cut = (finite.size() - 1) * 3 / 4;
  const double low = minimized ? finite.front() : finite[finite.size() - 1 - cut];
  const double high = minimized ? finite[cut] : finite.back();
  const auto width = std::min(values.size(), columns - label);
  const auto row_of = [&](double value) {
    const auto part = high > low ? std::clamp((high - value) / (high - low), 0.0, 1.0) : 0.5;
    return static_cast<size_t>(std::llround(part * double(rows - 1)));
  };
  std::vector<std::vector<const char*>> cells(rows, std::vector<const char*>(width, " "));
  double best = NAN;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto column = i * width / values.size();
    if (std::isfinite(values[i])) {
      if (std::isnan(best) || (minimized ? values[i] < best : values[i] > best)) best = values[i];
      cells[row_of(values[i])][column] = "•";
    }
    if (!std::isnan(best) && *cells[row_of(best)][column] == ' ') cells[row_of(best)][column] = "─";
  }
  lines out;
  for (size_t row = 0; row < rows; ++row) {
    const auto text = row == 0 ? metric(high) : row + 1 == rows ? metric(low) : std::string();
    out.push_back(fmt::format("{:>{}} ┤", text, label - 2));
    for (const auto* cell : cells[row])
      out.back() += cell;
  }
  return out;
}

lines tune_progress(const console& at, tuned_reader job, instant now) {
  const auto seen = tally_of(job);
  lines out = {headline(at, job, seen, now)};
  add_best(at, job, out);
  add_plot(at, job, out);
  add_table(out, running_table(job, now));
  add_table(out, ended_table(at, job, now));
  return out;
}

std::string trial_line(tuned_reader job, trial_reader trial) {
  auto out = fmt::format("trial {} {}", wire::view(trial.getId()), outcome_of(trial));
  if (!has_ended(trial)) return fmt::format("{}: {}", out, parameter_text(trial));
  out += fmt::format(" after {}: {}", took(trial, {}), parameter_text(trial));
  if (trial.getState() == state::SUCCEEDED) out += " -> " + measured_text(trial) + at_step(trial);
  if (const auto reason = reason_of(trial); !reason.empty()) out += ": " + reason;
  for (auto id : job.getOptimalTrials())
    if (wire::view(id) == wire::view(trial.getId()))
      out += objectives(job).size() == 1 ? " (best so far)" : " (on the Pareto front)";
  return out;
}

lines tune_outcome(const console& at, tuned_reader job, const command_template& command,
                   instant now) {
  const auto best = optimal(job);
  const auto seen = tally_of(job);
  const auto run_again = [&](trial_reader trial) {
    return shell_line(command.filled(values_of(job.getStudySpec(), trial)));
  };
  lines out;
  if (best.empty()) return out;
  if (objectives(job).size() == 1) {
    out.push_back(fmt::format(
        "Best of {}: trial {}, {}{}", counted(seen.ended, "trial"), wire::view(best[0].getId()),
        at.painted(tone::bold, values_text(best[0].getFinalMeasurement())), at_step(best[0])));
    add_parameters(at, best[0], out);
    out.push_back("Run it again:\n  " + run_again(best[0]));
    return out;
  }
  out.push_back(fmt::format("Pareto front of {}: {}", counted(seen.ended, "trial"),
                            counted(best.size(), "trial")));
  table made({{"TRIAL", align::right},
              {"TOOK", align::right},
              {"VALUES"},
              {"PARAMETERS", align::left, 200}});
  for (auto trial : best)
    made.add(
        {wire::str(trial.getId()), took(trial, now), measured_text(trial), parameter_text(trial)});
  for (auto& line : made.lines("  "))
    out.push_back(line);
  out.push_back("Run them again:");
  for (size_t i = 0; i < std::min(best.size(), shown_front); ++i)
    out.push_back(fmt::format("  {}  # trial {}", run_again(best[i]), wire::view(best[i].getId())));
  return out;
}

} // namespace troupe::cli
