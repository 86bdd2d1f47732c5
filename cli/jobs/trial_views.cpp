// How the trials of a tuning job are shown to a person.
#include "cli/jobs/views.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/table.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace troupe::cli {

namespace {

/// More columns than this leave no room for the parameters.
constexpr size_t metric_columns_max = 4;

/// The live table holds the trials under way, and as many of the others.
constexpr size_t progress_rows_max = 16;

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::vector<std::string> metric_ids(json_value job) {
  std::vector<std::string> ids;
  for (auto metric : job["studySpec"]["metrics"].items())
    ids.push_back(metric["metricId"].text());
  if (ids.size() > metric_columns_max) ids.resize(metric_columns_max);
  return ids;
}

std::set<std::string> optimal_ids(json_value job) {
  std::set<std::string> ids;
  for (auto trial : optimal_trials(job))
    ids.insert(trial["id"].text());
  return ids;
}

std::string note_on(json_value trial, const std::vector<trial_wait>& waiting) {
  auto note = parameters_of(trial);
  if (auto reason = reason_of(trial); !reason.empty()) note += "  " + reason;
  for (auto& wait : waiting)
    if (wait.trial == trial["id"].text()) note += "  waits: " + printable(wait.reason);
  return note;
}

bool has_ended(json_value trial) { return !trial["endTime"].text().empty(); }

/// The trials to show while the job runs: those that run, the best one, and the latest.
std::vector<json_value> of_interest(json_value job) {
  auto trials = job["trials"].items();
  auto best = optimal_ids(job);
  size_t room = progress_rows_max;
  std::vector<bool> kept(trials.size());
  auto keep = [&](auto wanted) {
    for (size_t i = trials.size(); i-- > 0 && room > 0;)
      if (!kept[i] && wanted(trials[i])) kept[i] = true, --room;
  };
  keep([](json_value trial) { return !has_ended(trial); });
  if (best.size() == 1) keep([&](json_value trial) { return best.contains(trial["id"].text()); });
  keep([](json_value) { return true; });
  std::vector<json_value> shown;
  for (size_t i = 0; i < trials.size(); ++i)
    if (kept[i]) shown.push_back(trials[i]);
  return shown;
}

/// "best 0.97 (trial 2)"
std::string best_so_far(const console& at, json_value job) {
  auto best = optimal_trials(job);
  if (best.empty()) return {};
  if (objectives_of(job).size() > 1)
    return fmt::format(", {} on the Pareto front", counted(best.size(), "trial"));
  auto got = measurement_of(job, best[0]);
  if (!got) return {};
  return fmt::format(", best {} (trial {})", at.painted(tone::good, metric(got->value)),
                     best[0]["id"].text());
}

lines front_view(const console& at, json_value job) {
  auto front = optimal_trials(job);
  if (front.empty()) return {};
  lines out = {at.painted(tone::bold, "Pareto front")
               + ": no other trial beats these in every goal"};
  std::vector<table::column> columns = {{"TRIAL", align::right}};
  for (auto& id : metric_ids(job))
    columns.push_back({printable(upper(id)), align::right});
  columns.push_back({"PARAMETERS", align::left, 100});
  columns.push_back({"MODEL", align::left, 100});
  table listing(columns);
  for (auto trial : front) {
    std::vector<std::string> cells = {trial["id"].text()};
    for (auto& id : metric_ids(job)) {
      auto got = measurement_of(trial, id);
      cells.push_back(got ? at.painted(tone::good, metric(got->value)) : "");
    }
    cells.push_back(parameters_of(trial));
    cells.push_back(printable(model_directory(job, trial)));
    listing.add(std::move(cells));
  }
  auto rows = listing.lines("  ");
  out.insert(out.end(), rows.begin(), rows.end());
  return out;
}

} // namespace

lines trials_table(const console& at, json_value job, const std::vector<json_value>& trials,
                   const std::vector<trial_wait>& waiting, instant now, std::string_view indent) {
  auto metrics = metric_ids(job);
  std::vector<table::column> columns = {{"TRIAL", align::right}, {"STATE"}};
  for (auto& id : metrics)
    columns.push_back({printable(upper(id)), align::right});
  if (metrics.empty()) columns.push_back({"METRIC", align::right});
  columns.push_back({"STEP", align::right});
  columns.push_back({"TIME", align::right});
  columns.push_back({"PARAMETERS", align::left, 120});
  table listing(columns);
  auto best = optimal_ids(job);
  for (auto trial : trials) {
    auto state = trial["state"].text();
    auto id = trial["id"].text();
    std::vector<std::string> cells = {(best.contains(id) ? "* " : "") + id,
                                      at.painted(tone_of(state), short_state(state))};
    for (auto& each : metrics) {
      auto got = measurement_of(trial, each);
      auto value = got ? metric(got->value) : "";
      cells.push_back(best.contains(id) ? at.painted(tone::good, value) : value);
    }
    if (metrics.empty()) cells.emplace_back();
    auto got = measurement_of(job, trial);
    cells.push_back(got ? std::to_string(got->step) : "");
    cells.push_back(duration_of(trial, now));
    cells.push_back(note_on(trial, waiting));
    listing.add(std::move(cells));
  }
  return listing.empty() ? lines() : listing.lines(indent);
}

lines tuning_job_progress(const console& at, json_value job, const std::vector<trial_wait>& waiting,
                          instant now) {
  auto trials = job["trials"].items();
  auto ended = std::ranges::count_if(trials, has_ended);
  lines out = {fmt::format("{}  {}, {} of {} trials ended{}",
                           at.painted(tone::bold, printable(job["displayName"].text())),
                           headline(at, job, {}, now), ended, job["maxTrialCount"].integer(),
                           best_so_far(at, job))};
  auto shown = of_interest(job);
  if (shown.size() < trials.size())
    out.push_back(at.painted(
        tone::dim, fmt::format("  ({} earlier ones are not shown)", trials.size() - shown.size())));
  auto rows = trials_table(at, job, shown, waiting, now, "  ");
  out.insert(out.end(), rows.begin(), rows.end());
  return out;
}

lines best_trial_view(const console& at, json_value job) {
  if (objectives_of(job).size() > 1) return front_view(at, job);
  auto best = best_trial(job);
  if (!best) return {};
  auto objectives = objectives_of(job);
  auto id =
      objectives.empty() ? std::string("metric") : printable(objectives[0]["metricId"].text());
  auto got = measurement_of(job, best);
  lines out = {fmt::format("best trial {}", at.painted(tone::bold, best["id"].text()))};
  if (got)
    field(out, at, id.size() > 9 ? "metric" : id,
          fmt::format("{}{}", at.painted(tone::good, metric(got->value)),
                      id.size() > 9 ? " " + id : ""));
  field(out, at, "parameters", parameters_of(best));
  field(out, at, "model", printable(model_directory(job, best)));
  field(out, at, "job", id_of(best["customJob"].text()));
  return out;
}

} // namespace troupe::cli
