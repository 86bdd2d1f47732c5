// How a job and its status are shown to a person.
#include "cli/jobs/views.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/table.hpp"

#include <algorithm>
#include <cctype>

namespace troupe::cli {

namespace {

void append(lines& out, const lines& more) { out.insert(out.end(), more.begin(), more.end()); }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string moment(json_value time, instant now) {
  auto at = parse_time(time.text());
  return at ? fmt::format("{} ({})", local_time(at), age(*at, now)) : "";
}

std::string labels_of(json_value job) {
  std::string out;
  for (auto& [key, value] : job["labels"].fields())
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", key, value.text());
  return printable(out);
}

/// An error keeps its lines: the last of them are what the program wrote to stderr.
void error_lines(lines& out, const console& at, json_value job) {
  auto message = job["error"]["message"].text();
  bool first = true;
  for (size_t begin = 0; begin < message.size();) {
    auto end = std::min(message.find('\n', begin), message.size());
    auto line = printable(std::string_view(message).substr(begin, end - begin));
    if (first)
      field(out, at, "error", at.painted(tone::bad, line));
    else
      out.push_back("             " + line);
    first = false;
    begin = end + 1;
  }
}

/// What custom jobs and tuning jobs have in common.
lines head(const console& at, json_value job, std::string_view noun, json_value status,
           instant now) {
  lines out = {
      fmt::format("{} {}", noun, at.painted(tone::bold, printable(job["displayName"].text())))};
  auto state = job["state"].text();
  field(out, at, "id", id_of(job["name"].text()));
  field(out, at, "name", job["name"].text());
  field(out, at, "state", at.painted(tone_of(state), short_state(state)));
  if (auto reason = status["reason"].text(); !reason.empty() && !is_final(state))
    field(out, at, "reason", printable(reason));
  error_lines(out, at, job);
  field(out, at, "created", moment(job["createTime"], now));
  field(out, at, "started", moment(job["startTime"], now));
  field(out, at, "ended", moment(job["endTime"], now));
  field(out, at, "duration", duration_of(job, now));
  field(out, at, "labels", labels_of(job));
  return out;
}

lines pools_view(const console& at, json_value spec) {
  table pools({{"POOL"},
               {"REPLICAS", align::right},
               {"MACHINE"},
               {"ACCELERATORS"},
               {"RUNS", align::left, 120}});
  size_t index = 0;
  for (auto pool : spec["workerPoolSpecs"].items()) {
    auto machine = pool["machineSpec"];
    auto type = machine["acceleratorType"].text();
    bool skipped = !pool["containerSpec"] && !pool["pythonPackageSpec"];
    pools.add(
        {std::to_string(index++), skipped ? "0" : std::to_string(pool["replicaCount"].integer(1)),
         printable(machine["machineType"].text()),
         type.empty() ? "" : fmt::format("{} x {}", machine["acceleratorCount"].integer(1), type),
         task_of(pool)});
  }
  if (pools.empty()) return {};
  lines out = {"", at.painted(tone::bold, "worker pools")};
  append(out, pools.lines("  "));
  return out;
}

lines replicas_table(const console& at, json_value status, std::string_view indent) {
  table replicas({{"TASK"},
                  {"NODE"},
                  {"PHASE"},
                  {"EXIT"},
                  {"RESTARTS", align::right},
                  {"MESSAGE", align::left, 100}});
  for (auto replica : status["replicas"].items()) {
    auto phase = upper(replica["phase"].text());
    auto message = replica["message"].text();
    auto end = message.find_last_not_of('\n');
    auto last_line = end == std::string::npos ? "" : message.substr(0, end + 1);
    last_line = last_line.substr(last_line.rfind('\n') + 1);
    replicas.add({replica["task"].text(), printable(replica["node"].text()),
                  at.painted(tone_of(phase), phase), exit_of(replica),
                  std::to_string(replica["incarnation"].integer()), printable(last_line)});
  }
  return replicas.empty() ? lines() : replicas.lines(indent);
}

/// "minimize loss", "keep latency safe: at most 5".
std::string goal_of(json_value metric) {
  auto id = printable(metric["metricId"].text());
  bool minimize = metric["goal"].text() == "MINIMIZE";
  if (auto safety = metric["safetyConfig"])
    return fmt::format("keep {} safe: at {} {}", id, minimize ? "most" : "least",
                       cli::metric(safety["safetyThreshold"].number().value_or(0)));
  return fmt::format("{} {}", minimize ? "minimize" : "maximize", id);
}

/// "median rule, 3 trials stopped so far"
std::string stopping_of(json_value job) {
  auto rule = stopping_rule_of(job["studySpec"]);
  size_t stopped = 0;
  for (auto trial : job["trials"].items())
    stopped += !trial["stoppingReason"].text().empty();
  if (rule.empty() || stopped == 0) return rule;
  return fmt::format("{}, {} stopped", rule, counted(stopped, "trial"));
}

} // namespace

lines custom_job_view(const console& at, json_value job, json_value status, instant now) {
  auto out = head(at, job, custom_job_kind.noun, status, now);
  field(out, at, "output",
        printable(job["jobSpec"]["baseOutputDirectory"]["outputUriPrefix"].text()));
  append(out, pools_view(at, job["jobSpec"]));
  if (auto replicas = replicas_table(at, status, "  "); !replicas.empty()) {
    out.push_back("");
    auto attempt = status["attempt"].integer();
    out.push_back(at.painted(tone::bold, attempt > 1 ? fmt::format("replicas (attempt {})", attempt)
                                                     : "replicas"));
    append(out, replicas);
  }
  return out;
}

lines tuning_job_view(const console& at, json_value job, const std::vector<trial_wait>& waiting,
                      instant now) {
  auto out = head(at, job, tuning_job_kind.noun, {}, now);
  auto study = job["studySpec"];
  for (auto metric : study["metrics"].items())
    field(out, at, "goal", goal_of(metric));
  field(out, at, "trials",
        fmt::format("{} at most, {} at a time", job["maxTrialCount"].integer(),
                    job["parallelTrialCount"].integer()));
  field(out, at, "search",
        short_state(study["algorithm"].text().empty() ? "default" : study["algorithm"].text()));
  field(out, at, "stopping", stopping_of(job));
  field(out, at, "output",
        printable(job["trialJobSpec"]["baseOutputDirectory"]["outputUriPrefix"].text()));
  append(out, pools_view(at, job["trialJobSpec"]));
  if (auto trials = trials_table(at, job, job["trials"].items(), waiting, now, "  ");
      !trials.empty()) {
    append(out, {"", at.painted(tone::bold, "trials")});
    append(out, trials);
  }
  if (auto best = best_trial_view(at, job); !best.empty()) {
    out.push_back("");
    append(out, best);
  }
  return out;
}

lines custom_job_progress(const console& at, json_value job, json_value status, instant now) {
  lines out = {fmt::format("{}  {}", at.painted(tone::bold, printable(job["displayName"].text())),
                           headline(at, job, status, now))};
  append(out, replicas_table(at, status, "  "));
  return out;
}

} // namespace troupe::cli
