// Tunes functions whose optimum is known and writes how the best regret fell: JSON of the form
// {task: [[regret after trial 1, 2, ...] per seed]}, as bench/tuner/score.py reads it. Trials run
// one after the other, in batches, or on workers that finish at random times; with noise in what
// the tuner sees, or with trials that fail.
#include "bench/tuner/generator.hpp"
#include "bench/tuner/tasks.hpp"
#include "core/study/suggest.hpp"
#include "wire/json.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <limits>
#include <numbers>
#include <optional>

using namespace troupe;
using namespace troupe::bench;

namespace {

struct settings {
  std::string tasks = "public";
  std::string algorithm = "ALGORITHM_UNSPECIFIED";
  std::string out;
  uint64_t first_seed = 0;
  uint64_t seeds = 20;
  size_t trials = 100;
  uint32_t batch = 1;
  size_t workers = 0;  // asynchronous ones; 0: batches
  double noise = 0;    // standard deviation, as a part of the interquartile range of random points
  double failures = 0; // the part of trials that fail, by chance
};

struct trial {
  std::vector<core::parameter_value> at;
  bool ended = false;
  bool failed = false;
  double seen = 0; // what the tuner is told
  double regret = 0;
  double ends = 0; // of workers: when
};

using job = wire::HyperparameterTuningJob;

point point_of(const std::vector<core::parameter_value>& values) {
  point made;
  for (const auto& v : values) {
    if (const auto* text = std::get_if<std::string>(&v.value))
      made[v.id] = {0, *text};
    else
      made[v.id] = {std::get<double>(v.value), ""};
  }
  return made;
}

wire::frame<job> job_of(const std::vector<trial>& trials) {
  return wire::frame<job>::build([&](job::Builder built) {
    auto list = built.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      const auto& from = trials[i];
      using state = wire::Trial::State;
      list[i].setState(!from.ended   ? state::ACTIVE
                       : from.failed ? state::INFEASIBLE
                                     : state::SUCCEEDED);
      auto values = list[i].initParameters(static_cast<uint32_t>(from.at.size()));
      for (uint32_t j = 0; j < values.size(); ++j) {
        values[j].setParameterId(wire::text(from.at[j].id));
        if (const auto* text = std::get_if<std::string>(&from.at[j].value))
          values[j].initValue().setString(wire::text(*text));
        else
          values[j].initValue().setNumber(std::get<double>(from.at[j].value));
      }
      if (!from.ended || from.failed) continue;
      auto metric = list[i].initFinalMeasurement().initMetrics(1)[0];
      metric.setMetricId("regret");
      metric.setValue(from.seen);
    }
  });
}

class study {
public:
  study(const task& of, uint64_t seed, const settings& with)
      : with_(with),
        spec_(*wire::from_json<wire::StudySpec>(fmt::format(
            R"({{"algorithm": "{}", "metrics": [{{"metricId": "regret", "goal": "MINIMIZE"}}], "parameters": [{}]}})",
            with.algorithm, of.parameters))),
        regret_(of.make(seed)), seed_(seed), random_(seed + 77'000) {
    if (with.noise > 0) spread_ = with.noise * interquartile_range(of);
  }

  std::vector<double> run() {
    if (with_.workers > 0)
      run_workers();
    else
      run_batches();
    return curve_;
  }

  double seconds() const { return seconds_; }

private:
  void run_batches() {
    while (curve_.size() < with_.trials) {
      const auto first = trials_.size();
      const auto left = static_cast<uint32_t>(with_.trials - curve_.size());
      ask(std::min(with_.batch, left));
      if (trials_.size() == first) curve_.push_back(best_); // nothing is left to try
      for (auto i = first; i < trials_.size(); ++i)
        end(trials_[i]);
    }
  }

  void run_workers() {
    double now = 0;
    while (curve_.size() < with_.trials) {
      const auto busy = [&] { return trials_.size() - curve_.size(); };
      while (busy() < with_.workers && trials_.size() < with_.trials) {
        ask(1);
        trials_.back().ends = now + 0.5 + random_.unit();
      }
      const auto next = std::ranges::min_element(trials_, {}, [](const trial& t) {
        return t.ended ? std::numeric_limits<double>::infinity() : t.ends;
      });
      now = next->ends;
      end(*next);
    }
  }

  void ask(uint32_t count) {
    const auto so_far = job_of(trials_);
    const auto start = std::chrono::steady_clock::now();
    auto suggested = core::suggest(*spec_, so_far->getTrials(), seed_, count);
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (auto& at : suggested.sets)
      trials_.push_back({std::move(at)});
  }

  void end(trial& t) {
    t.ended = true;
    t.regret = regret_(point_of(t.at));
    t.failed = random_.unit() < with_.failures;
    t.seen = t.regret + spread_ * normal();
    if (!t.failed) best_ = std::min(best_, t.regret);
    curve_.push_back(best_);
  }

  double normal() {
    const auto radius = std::sqrt(-2 * std::log(1 - random_.unit()));
    return radius * std::cos(2 * std::numbers::pi * random_.unit());
  }

  double interquartile_range(const task& of) {
    auto spec = wire::from_json<wire::StudySpec>(fmt::format(
        R"({{"algorithm": "RANDOM_SEARCH", "metrics": [{{"metricId": "regret"}}], "parameters": [{}]}})",
        of.parameters));
    const auto none = job_of({});
    std::vector<double> regrets;
    for (const auto& at : core::suggest(**spec, none->getTrials(), 1, 200).sets)
      regrets.push_back(regret_(point_of(at)));
    std::ranges::sort(regrets);
    return regrets[150] - regrets[50];
  }

  const settings& with_;
  wire::frame<wire::StudySpec> spec_;
  regret regret_;
  uint64_t seed_;
  generator random_;
  double spread_ = 0;
  std::vector<trial> trials_;
  std::vector<double> curve_;
  double best_ = 1e300;
  double seconds_ = 0;
};

std::vector<std::pair<std::string, task>> chosen(const std::string& names) {
  std::vector<std::pair<std::string, task>> found;
  for (const auto* all : {&public_tasks(), &holdout_tasks(), &conditional_tasks()}) {
    const auto group = all == &public_tasks()    ? "public"
                       : all == &holdout_tasks() ? "holdout"
                                                 : "conditional";
    for (const auto& [name, made] : *all) {
      if (names == group || ("," + names + ",").find("," + name + ",") != std::string::npos)
        found.emplace_back(name, made);
    }
  }
  return found;
}

} // namespace

int main(int argc, char** argv) {
  settings with;
  CLI::App app("Tunes functions whose optimum is known, and writes the regret after every trial.");
  app.add_option("--tasks", with.tasks, "public, holdout, conditional, or names with commas");
  app.add_option("--algorithm", with.algorithm, "as in a StudySpec");
  app.add_option("--out", with.out, "where the curves go")->required();
  app.add_option("--first-seed", with.first_seed);
  app.add_option("--seeds", with.seeds);
  app.add_option("--trials", with.trials);
  app.add_option("--batch", with.batch, "suggestions at once");
  app.add_option("--workers", with.workers, "workers that end at random times, instead of batches");
  app.add_option("--noise", with.noise, "part of the interquartile range");
  app.add_option("--failures", with.failures, "part of the trials");
  CLI11_PARSE(app, argc, argv);

  std::string json;
  for (const auto& [name, of] : chosen(with.tasks)) {
    std::vector<double> last;
    double seconds = 0;
    json += fmt::format("{}\"{}\": [", json.empty() ? "{" : ", ", name);
    for (uint64_t seed = with.first_seed; seed < with.first_seed + with.seeds; ++seed) {
      study run(of, seed, with);
      const auto curve = run.run();
      json +=
          fmt::format("{}[{:.6g}]", seed == with.first_seed ? "" : ", ", fmt::join(curve, ", "));
      last.push_back(curve.back());
      seconds += run.seconds();
    }
    json += "]";
    std::ofstream(with.out) << json << "}\n";
    std::ranges::sort(last);
    const auto suggestions = static_cast<double>(with.trials * with.seeds);
    std::cout << fmt::format("{:16} median {:.4g}, worst {:.4g}, {:.1f} ms per suggestion\n", name,
                             last[last.size() / 2], last.back(), 1e3 * seconds / suggestions)
              << std::flush;
  }
}
