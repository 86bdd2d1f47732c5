// The parts that several views of jobs and trials share.
#include "cli/jobs/views.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/shell_words.hpp"
#include "cli/terminal/table.hpp"

#include <cmath>
#include <cstring>
#include <set>

namespace troupe::cli {

namespace {

std::string words_of(json_value list) {
  std::vector<std::string> words;
  for (auto word : list.items())
    words.push_back(word.text());
  return shell_line(words);
}

std::optional<measured> metric_in(json_value measurement, const std::string& id) {
  for (auto metric : measurement["metrics"].items())
    if (id.empty() || metric["metricId"].text() == id)
      if (auto value = metric["value"].number())
        return measured{*value, measurement["stepCount"].integer()};
  // Zero is a default and is left out of the JSON.
  for (auto metric : measurement["metrics"].items())
    if (metric["metricId"].text() == id && !metric["value"])
      return measured{0, measurement["stepCount"].integer()};
  return {};
}

} // namespace

void field(lines& out, const console& at, std::string_view name, const std::string& value) {
  if (!value.empty() && value != "-")
    out.push_back(
        fmt::format("  {}{}", at.painted(tone::dim, fmt::format("{:<10} ", name)), value));
}

std::vector<json_value> objectives_of(json_value job) {
  std::vector<json_value> found;
  for (auto metric : job["studySpec"]["metrics"].items())
    if (!metric["safetyConfig"]) found.push_back(metric);
  return found;
}

std::string duration_of(json_value resource, instant now) {
  auto start = parse_time(resource["startTime"].text());
  if (!start) return "-";
  auto end = parse_time(resource["endTime"].text());
  return span(end.value_or(now) - *start);
}

std::string parameters_of(json_value trial) {
  std::string out;
  for (auto parameter : trial["parameters"].items()) {
    auto value = parameter["value"].text();
    // Six digits are enough to distinguish trials; sixteen make a table unreadable.
    if (auto number = parameter["value"].number(); number && *number != std::floor(*number))
      value = metric(*number);
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", parameter["parameterId"].text(), value);
  }
  return printable(out);
}

std::optional<measured> measurement_of(json_value trial, const std::string& metric_id) {
  if (auto final = metric_in(trial["finalMeasurement"], metric_id)) return final;
  auto measurements = trial["measurements"].items();
  return measurements.empty() ? std::nullopt : metric_in(measurements.back(), metric_id);
}

std::optional<measured> measurement_of(json_value job, json_value trial) {
  auto objectives = objectives_of(job);
  return measurement_of(trial, objectives.empty() ? "" : objectives[0]["metricId"].text());
}

json_value best_trial(json_value job) {
  const auto best = job["bestTrial"]["id"].text();
  if (best.empty()) return {};
  for (auto trial : job["trials"].items())
    if (trial["id"].text() == best) return trial;
  return {};
}

std::vector<json_value> optimal_trials(json_value job) {
  if (objectives_of(job).size() < 2) {
    auto best = best_trial(job);
    return best ? std::vector{best} : std::vector<json_value>();
  }
  std::set<std::string> front;
  for (auto id : job["optimalTrials"].items())
    front.insert(id.text());
  std::vector<json_value> found;
  for (auto trial : job["trials"].items())
    if (front.contains(trial["id"].text())) found.push_back(trial);
  return found;
}

std::string reason_of(json_value trial) {
  auto first_line = [](const std::string& text) {
    return printable(text.substr(0, text.find('\n')));
  };
  if (auto reason = trial["infeasibleReason"].text(); !reason.empty()) return first_line(reason);
  auto stopped = trial["stoppingReason"].text();
  return stopped.empty() ? "" : "stopped: " + first_line(stopped);
}

std::string stopping_rule_of(json_value study) {
  for (auto [field, name] : {std::pair("decayCurveStoppingSpec", "decay curve"),
                             std::pair("medianAutomatedStoppingSpec", "median"),
                             std::pair("convexAutomatedStoppingSpec", "convex"),
                             std::pair("ashaAutomatedStoppingSpec", "ASHA")})
    if (study[field]) return fmt::format("{} rule", name);
  return {};
}

std::string model_directory(json_value job, json_value trial) {
  auto base = job["trialJobSpec"]["baseOutputDirectory"]["outputUriPrefix"].text();
  if (base.empty()) return {};
  if (!base.ends_with('/')) base += '/';
  return base + trial["id"].text() + "/model/";
}

std::string task_of(json_value pool) {
  if (auto task = pool["containerSpec"]) {
    auto words = words_of(task["command"]);
    auto args = words_of(task["args"]);
    auto line = words + (words.empty() || args.empty() ? "" : " ") + args;
    return printable(task["imageUri"].text() + (line.empty() ? "" : ": " + line));
  }
  if (auto task = pool["pythonPackageSpec"]) {
    auto args = words_of(task["args"]);
    return printable(task["executorImageUri"].text() + ": python3 -m " + task["pythonModule"].text()
                     + (args.empty() ? "" : " " + args));
  }
  return "(skipped)";
}

std::string exit_of(json_value replica) {
  if (auto number = replica["signal"].integer(); number > 0) {
    auto name = sigabbrev_np(static_cast<int>(number));
    return name ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
  }
  auto phase = replica["phase"].text();
  bool exited = phase == "exited" || phase == "EXITED";
  return exited ? std::to_string(replica["exitCode"].integer()) : "";
}

std::string headline(const console& at, json_value job, json_value status, instant now) {
  auto state = job["state"].text();
  auto line = at.painted(tone_of(state), short_state(state));
  if (auto length = duration_of(job, now); length != "-")
    line += (is_final(state) ? " after " : " for ") + length;
  else if (auto created = parse_time(job["createTime"].text()); created && !is_final(state))
    line += ", submitted " + age(*created, now);
  if (auto reason = status["reason"].text(); !reason.empty() && !is_final(state))
    line += ": " + printable(reason);
  return line;
}

} // namespace troupe::cli
