// Tunes functions whose optimum is known and writes how the best regret fell: JSON of the form
// {task: [[regret after trial 1, 2, ...] per seed]}, as compare.py reads it; of several objectives,
// the values of every trial.
#include "bench/tuner/study_run.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iostream>

using namespace troupe::bench;

namespace {

struct settings {
  run_settings run;
  std::string tasks = "public";
  std::string out;
  std::string timings;
  uint64_t first_seed = 0;
  uint64_t seeds = 20;
  uint32_t evaluate = 0;
};

std::string joined(const std::vector<double>& values, const char* form) {
  std::string all;
  for (auto v : values)
    all += (all.empty() ? "" : ", ") + fmt::format(fmt::runtime(form), v);
  return all;
}

std::string curve_json(const run_result& from) {
  std::string all;
  for (const auto& values : from.curve) {
    const auto text = joined(values, "{:.6g}");
    all += (all.empty() ? "" : ", ") + (values.size() > 1 ? "[" + text + "]" : text);
  }
  return "[" + all + "]";
}

/// A line of JSON for every point.
void evaluate_all(const settings& with) {
  for (const auto& [name, of] : tasks_named(with.tasks)) {
    for (auto seed = with.first_seed; seed < with.first_seed + with.seeds; ++seed) {
      for (const auto& done : evaluate(of, seed, with.evaluate)) {
        std::vector<std::string> point;
        for (const auto& [id, v] : done.at)
          point.push_back(v.text.empty() ? fmt::format(R"("{}": {:.17g})", id, v.number)
                                         : fmt::format(R"("{}": "{}")", id, v.text));
        std::cout << fmt::format(
            "{{\"task\": \"{}\", \"seed\": {}, \"point\": {{{}}}, \"values\": [{}]}}\n", name, seed,
            fmt::join(point, ", "), joined(done.values, "{:.17g}"));
      }
    }
  }
}

/// The curves and the seconds per suggestion of one task, for all seeds.
std::pair<std::string, std::string> run_task(const std::string& name, const task& of,
                                             const settings& with) {
  std::string curves;
  std::vector<double> seconds;
  std::vector<double> last;
  for (auto seed = with.first_seed; seed < with.first_seed + with.seeds; ++seed) {
    const auto done = run_study(of, seed, with.run);
    curves += (curves.empty() ? "" : ", ") + curve_json(done);
    seconds.push_back(done.seconds / static_cast<double>(with.run.trials));
    last.push_back(done.curve.back()[0]);
  }
  std::ranges::sort(last);
  const auto median_ms = 1e3 * [seconds]() mutable {
    std::ranges::sort(seconds);
    return seconds[seconds.size() / 2];
  }();
  const auto ends = of.metrics > 1 ? std::string()
                                   : fmt::format("median {:.4g}, worst {:.4g}, ",
                                                 last[last.size() / 2], last.back());
  std::cout << fmt::format("{:16} {}{:.1f} ms per suggestion\n", name, ends, median_ms)
            << std::flush;
  return {fmt::format("\"{}\": [{}]", name, curves),
          fmt::format("\"{}\": [{}]", name, joined(seconds, "{:.4g}"))};
}

void run_all(const settings& with) {
  std::string curves;
  std::string timings;
  for (const auto& [name, of] : tasks_named(with.tasks)) {
    const auto [curve, seconds] = run_task(name, of, with);
    curves += (curves.empty() ? "" : ",\n") + curve;
    timings += (timings.empty() ? "" : ",\n") + seconds;
    std::ofstream(with.out) << "{" << curves << "}\n";
    if (!with.timings.empty()) std::ofstream(with.timings) << "{" << timings << "}\n";
  }
}

} // namespace

int main(int argc, char** argv) {
  settings with;
  CLI::App app("Tunes functions whose optimum is known, and writes the regret after every trial.");
  app.add_option("--tasks", with.tasks,
                 "public, holdout, conditional, fronts, or names with commas");
  app.add_option("--algorithm", with.run.algorithm, "as in a StudySpec");
  app.add_option("--observation-noise", with.run.observation_noise, "as in a StudySpec");
  app.add_option("--out", with.out, "where the curves go");
  app.add_option("--timings", with.timings, "where the seconds per suggestion go");
  app.add_option("--first-seed", with.first_seed);
  app.add_option("--seeds", with.seeds);
  app.add_option("--trials", with.run.trials);
  app.add_option("--batch", with.run.batch, "suggestions at once");
  app.add_option("--workers", with.run.workers,
                 "workers that end at random times, instead of batches");
  app.add_option("--noise", with.run.noise, "part of the interquartile range");
  app.add_option("--failures", with.run.failures, "part of the trials");
  app.add_option("--evaluate", with.evaluate,
                 "tunes nothing: writes the tasks' values at so many random points");
  CLI11_PARSE(app, argc, argv);
  if (tasks_named(with.tasks).empty()) {
    std::cerr << fmt::format("--tasks {}: no task of that name; expected public, holdout, "
                             "conditional, fronts, or names with commas\n",
                             with.tasks);
    return 2;
  }
  if (with.evaluate > 0)
    evaluate_all(with);
  else if (!with.out.empty())
    run_all(with);
  else {
    std::cerr << "--out is missing: name a file for the curves\n";
    return 2;
  }
}
