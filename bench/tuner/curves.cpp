// Tunes made-up training runs whose learning curves are known in closed form, with and without a
// stopping rule, step by step: what part of the steps a rule saves, what it costs in the final
// objective of the best trial, and how often it stopped the trial that would have been the best.
// Losses are parts of the spread, which is the distance from the median of all final objectives to
// the best when everything is run to its end with the same seed; and parts of that best value.
// Finals are without noise; of a trial that was stopped it is what it had when it was.
#include "bench/tuner/generator.hpp"
#include "tuner/objective.hpp"
#include "tuner/stopping/stopping.hpp"
#include "tuner/suggest.hpp"
#include "wire/json.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <numbers>

using namespace troupe;
using namespace troupe::bench;

namespace {

constexpr int steps = 81;
constexpr double infinity = std::numeric_limits<double>::infinity();

using coordinates = std::vector<double>;

struct family {
  size_t dimensions;
  double noise; // part of the value
  bool maximise;
  /// The value after `step` steps; `x`: the parameters; `o`: where this seed's optimum is.
  std::function<double(const coordinates& x, const coordinates& o, double step)> value;
};

double bowl(const coordinates& x, const coordinates& o) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += (x[i] - o[i]) * (x[i] - o[i]);
  return sum / static_cast<double>(x.size());
}

double power(const coordinates& x, const coordinates& o, double t) {
  const auto rate = 0.5 + 0.7 * std::exp(-8 * (x[0] - o[0]) * (x[0] - o[0]));
  return 0.1 + 2 * bowl(x, o) + (1 + x[1]) * std::pow(t, -rate);
}

double exponential(const coordinates& x, const coordinates& o, double t) {
  const auto time = 3 + 40 * (1 - x[0]) * (1 - x[0]) + 5 * x[1];
  return 0.2 + bowl(x, o) + (2 + x[2]) * std::exp(-t / time);
}

/// A small rate of learning ends lower, but later.
double crossing(const coordinates& x, const coordinates& o, double t) {
  const auto slow = 1 - x[0];
  const auto end = 0.15 + 0.5 * (slow - 0.8 * o[0] - 0.2) * (slow - 0.8 * o[0] - 0.2)
                   + 0.5 * (x[1] - o[1]) * (x[1] - o[1]);
  return end + 1.5 * std::exp(-t / (2 + 25 * slow * slow)) + 0.4 * x[2] * std::pow(t, -1.0);
}

/// A drop at two thirds of the way, as from a schedule of learning rates.
double schedule(const coordinates& x, const coordinates& o, double t) {
  const auto before = 0.4 + bowl(x, o) + (1 + x[1]) * std::pow(t, -0.7);
  if (t < 54) return before;
  return before - (0.15 + 0.1 * x[2]) * (1 - std::exp((53 - t) / 3));
}

/// The best rate of learning is near that at which training diverges.
double diverging(const coordinates& x, const coordinates& o, double t) {
  const auto edge = 0.55 + 0.4 * o[0] - 0.2 * x[1];
  const auto settled = 0.1 + 0.8 * std::abs(edge - 0.05 - x[0]) + bowl({x[2], x[3]}, {o[2], o[3]});
  const auto fall = settled + 2 * std::pow(t, -0.3 - x[0]);
  return x[0] <= edge ? fall : std::min(1e6, fall + 1e-3 * std::exp((x[0] - edge) * 2 * t));
}

/// Accuracy: nothing for a while, then a rise.
double accuracy(const coordinates& x, const coordinates& o, double t) {
  const auto delay = 2 + 25 * x[0] * x[0];
  const auto top = 0.95 - 0.8 * bowl(x, o);
  return 0.1 + (top - 0.1) / (1 + std::exp((delay - t) / (2 + 6 * x[1])));
}

const std::map<std::string, family> families{
    {"power2", {2, 0.002, false, power}},        {"power5", {5, 0.005, false, power}},
    {"noisy3", {3, 0.02, false, power}},         {"exponential3", {3, 0.005, false, exponential}},
    {"crossing3", {3, 0.005, false, crossing}},  {"schedule3", {3, 0.01, false, schedule}},
    {"diverging4", {4, 0.01, false, diverging}}, {"accuracy3", {3, 0.01, true, accuracy}},
};

struct settings {
  std::string rules = "decay,median,convex,asha";
  std::string tasks = "all";
  std::string algorithms = "random,default";
  std::string workers = "1,8";
  std::string json;
  uint64_t first_seed = 0;
  uint64_t seeds = 20;
  size_t trials = 80;
  int every = 1;
};

struct trial {
  std::vector<tuner::parameter_value> at;
  coordinates x;
  std::vector<double> seen; // a value per step
  bool ended = false;
  std::string stopped; // why
};

struct outcome {
  double part_run = 0; // of all steps
  double best = 0;     // what the study's best trial has, without noise
  double median = 0;   // of all trials, had they been run to their ends
  bool best_stopped = false;
  double seconds = 0; // of decisions
  size_t decisions = 0;
};

using job = wire::HyperparameterTuningJob;

const std::map<std::string, std::string> rule_fields{
    {"none", ""},
    {"decay", R"("decayCurveStoppingSpec": {},)"},
    {"median", R"("medianAutomatedStoppingSpec": {},)"},
    {"convex", R"("convexAutomatedStoppingSpec": {},)"},
    {"asha", R"("ashaAutomatedStoppingSpec": {"minStepCount": 3, "reductionFactor": 3},)"},
};

class study {
public:
  study(const family& of, const std::string& rule, const std::string& algorithm, size_t workers,
        uint64_t seed, const settings& with)
      : of_(of), workers_(workers), seed_(seed), with_(with), spec_(spec_of(of, rule, algorithm)) {
    generator random(seed + 4'000);
    for (size_t i = 0; i < of.dimensions; ++i)
      optimum_.push_back(0.1 + 0.8 * random.unit());
  }

  outcome run() {
    while (ended_ < with_.trials) {
      while (trials_.size() < with_.trials && trials_.size() - ended_ < workers_)
        ask();
      for (auto& one : trials_) {
        if (!one.ended) advance(one);
      }
      if (++ticks_ % with_.every == 0) stop_some();
    }
    return summary();
  }

private:
  static wire::frame<wire::StudySpec> spec_of(const family& of, const std::string& rule,
                                              const std::string& algorithm) {
    std::string parameters;
    for (size_t i = 0; i < of.dimensions; ++i)
      parameters += fmt::format(
          R"({}{{"parameterId": "x{}", "doubleValueSpec": {{"minValue": 0, "maxValue": 1}}}})",
          i == 0 ? "" : ", ", i);
    return *wire::from_json<wire::StudySpec>(fmt::format(
        R"({{"metrics": [{{"metricId": "value", "goal": "{}"}}], "algorithm": "{}", {} "parameters": [{}]}})",
        of.maximise ? "MAXIMIZE" : "MINIMIZE",
        algorithm == "random" ? "RANDOM_SEARCH" : "ALGORITHM_UNSPECIFIED", rule_fields.at(rule),
        parameters));
  }

  void ask() {
    const auto so_far = frame();
    auto suggested = tuner::suggest(*spec_, so_far->getTrials(), seed_, 1);
    trial made{.at = std::move(suggested.sets.at(0))};
    for (const auto& v : made.at)
      made.x.push_back(std::get<double>(v.value));
    trials_.push_back(std::move(made));
  }

  double value(const trial& of, size_t step) const {
    return of_.value(of.x, optimum_, static_cast<double>(step));
  }

  /// Noise belongs to the point and the step, so that every run sees the same curve.
  double noise(const trial& of, size_t step) const {
    auto key = seed_ * 1'000'003 + step;
    for (auto x : of.x)
      key = key * 0x9e3779b97f4a7c15 + std::bit_cast<uint64_t>(x);
    generator random(key);
    random.unit();
    const auto radius = std::sqrt(-2 * std::log(1 - random.unit()));
    return radius * std::cos(2 * std::numbers::pi * random.unit());
  }

  void advance(trial& one) {
    const auto step = one.seen.size() + 1;
    one.seen.push_back(value(one, step) * (1 + of_.noise * noise(one, step)));
    if (step == steps) end(one);
  }

  void end(trial& one) {
    one.ended = true;
    ++ended_;
  }

  void stop_some() {
    if (ended_ == with_.trials || spec_->isNoAutomatedStopping()) return;
    const auto so_far = frame();
    const auto start = std::chrono::steady_clock::now();
    const auto found = tuner::trials_to_stop(*spec_, so_far->getTrials());
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++decisions_;
    for (const auto& one : found) {
      trials_[one.trial].stopped = one.reason;
      end(trials_[one.trial]);
    }
  }

  wire::frame<job> frame() const {
    return wire::frame<job>::build([&](job::Builder built) {
      auto list = built.initTrials(static_cast<uint32_t>(trials_.size()));
      for (uint32_t i = 0; i < list.size(); ++i)
        fill(list[i], trials_[i]);
    });
  }

  static void fill(wire::Measurement::Builder to, size_t step, double value) {
    to.setStepCount(static_cast<int64_t>(step));
    auto metric = to.initMetrics(1)[0];
    metric.setMetricId("value");
    metric.setValue(value);
  }

  static void fill(wire::Trial::Builder to, const trial& from) {
    to.setState(from.ended ? wire::Trial::State::SUCCEEDED : wire::Trial::State::ACTIVE);
    to.setStoppingReason(wire::text(from.stopped));
    auto values = to.initParameters(static_cast<uint32_t>(from.at.size()));
    for (uint32_t j = 0; j < values.size(); ++j) {
      values[j].setParameterId(wire::text(from.at[j].id));
      values[j].initValue().setNumber(std::get<double>(from.at[j].value));
    }
    auto list = to.initMeasurements(static_cast<uint32_t>(from.seen.size()));
    for (uint32_t j = 0; j < list.size(); ++j)
      fill(list[j], j + 1, from.seen[j]);
    if (from.ended) fill(to.initFinalMeasurement(), from.seen.size(), from.seen.back());
  }

  outcome summary() const {
    outcome made{.seconds = seconds_, .decisions = decisions_};
    const auto sign = of_.maximise ? -1 : 1;
    std::vector<double> finals;
    size_t taken = 0;
    for (const auto& one : trials_) {
      taken += one.seen.size();
      finals.push_back(sign * value(one, steps));
    }
    made.part_run = static_cast<double>(taken) / static_cast<double>(trials_.size() * steps);
    const auto so_far = frame();
    const auto& chosen = trials_[*tuner::best_trial(*spec_, so_far->getTrials())];
    made.best = sign * value(chosen, chosen.seen.size());
    const auto best = std::ranges::min_element(finals) - finals.begin();
    made.best_stopped = !trials_[static_cast<size_t>(best)].stopped.empty();
    std::ranges::nth_element(finals,
                             finals.begin() + static_cast<std::ptrdiff_t>(finals.size() / 2));
    made.median = finals[finals.size() / 2];
    return made;
  }

  const family& of_;
  size_t workers_;
  uint64_t seed_;
  const settings& with_;
  wire::frame<wire::StudySpec> spec_;
  coordinates optimum_;
  std::vector<trial> trials_;
  size_t ended_ = 0;
  int ticks_ = 0;
  double seconds_ = 0;
  size_t decisions_ = 0;
};

/// Means over seeds.
struct figures {
  double saved = 0;
  double loss_of_spread = 0;
  double loss_of_value = 0;
  double best_stopped = 0;
  double decision_ms = 0;
  size_t runs = 0;

  void add(const figures& other) {
    saved += other.saved;
    loss_of_spread += other.loss_of_spread;
    loss_of_value += other.loss_of_value;
    best_stopped += other.best_stopped;
    decision_ms += other.decision_ms;
    ++runs;
  }
  double mean(double sum) const { return sum / static_cast<double>(std::max<size_t>(1, runs)); }
};

figures compared(const outcome& all, const outcome& ruled, double spread) {
  figures made;
  made.saved = 1 - ruled.part_run / all.part_run;
  made.loss_of_spread = (ruled.best - all.best) / spread;
  made.loss_of_value = (ruled.best - all.best) / std::abs(all.best);
  made.best_stopped = ruled.best_stopped;
  made.decision_ms =
      1e3 * ruled.seconds / static_cast<double>(std::max<size_t>(1, ruled.decisions));
  return made;
}

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> found;
  std::stringstream in(names);
  for (std::string name; std::getline(in, name, ',');)
    found.push_back(name);
  return found;
}

std::string row(const std::string& title, const std::string& rule, const figures& f) {
  return fmt::format("{:34} {:7} {:6.1f} % {:8.2f} % {:8.2f} % {:8.0f} % {:8.2f} ms\n", title, rule,
                     100 * f.mean(f.saved), 100 * f.mean(f.loss_of_spread),
                     100 * f.mean(f.loss_of_value), 100 * f.mean(f.best_stopped),
                     f.mean(f.decision_ms));
}

std::string json_of(const std::string& task, const std::string& algorithm, size_t workers,
                    const std::string& rule, const figures& f) {
  return fmt::format(
      R"({{"task": "{}", "algorithm": "{}", "workers": {}, "rule": "{}", "seeds": {}, "saved": {:.5g}, "loss_of_spread": {:.5g}, "loss_of_value": {:.5g}, "best_stopped": {:.5g}, "decision_ms": {:.5g}}})",
      task, algorithm, workers, rule, f.runs, f.mean(f.saved), f.mean(f.loss_of_spread),
      f.mean(f.loss_of_value), f.mean(f.best_stopped), f.mean(f.decision_ms));
}

class comparison {
public:
  explicit comparison(const settings& with) : with_(with) {}

  void run(const std::string& task, const std::string& algorithm, size_t workers) {
    const auto& of = families.at(task);
    std::map<std::string, figures> sums;
    for (auto seed = with_.first_seed; seed < with_.first_seed + with_.seeds; ++seed) {
      const auto all = study(of, "none", algorithm, workers, seed, with_).run();
      // Of random trials, however well the algorithm chooses.
      const auto random =
          algorithm == "random" ? all : study(of, "none", "random", workers, seed, with_).run();
      const auto spread = std::max(1e-12, random.median - all.best);
      for (const auto& rule : split(with_.rules))
        sums[rule].add(
            compared(all, study(of, rule, algorithm, workers, seed, with_).run(), spread));
    }
    for (const auto& [rule, f] : sums) {
      std::cout << row(fmt::format("{} {} {} workers", task, algorithm, workers), rule, f)
                << std::flush;
      rows_.push_back(json_of(task, algorithm, workers, rule, f));
      figures mean{f.mean(f.saved), f.mean(f.loss_of_spread), f.mean(f.loss_of_value),
                   f.mean(f.best_stopped), f.mean(f.decision_ms)};
      total_[fmt::format("all {} {} workers", algorithm, workers)][rule].add(mean);
    }
  }

  void finish() const {
    std::cout << "\n";
    for (const auto& [title, rules] : total_) {
      for (const auto& [rule, f] : rules)
        std::cout << row(title, rule, f);
    }
    if (!with_.json.empty())
      std::ofstream(with_.json) << fmt::format("[{}]\n", fmt::join(rows_, ",\n "));
  }

private:
  const settings& with_;
  std::map<std::string, std::map<std::string, figures>> total_;
  std::vector<std::string> rows_;
};

} // namespace

int main(int argc, char** argv) {
  settings with;
  CLI::App app("Stopping rules on learning curves known in closed form.");
  app.add_option("--rule", with.rules, "decay, median, convex, asha; with commas");
  app.add_option("--tasks", with.tasks, "all, or names with commas");
  app.add_option("--algorithms", with.algorithms, "random, default; with commas");
  app.add_option("--workers", with.workers, "how many trials run at once; with commas");
  app.add_option("--seeds", with.seeds);
  app.add_option("--first-seed", with.first_seed);
  app.add_option("--trials", with.trials);
  app.add_option("--every", with.every, "steps between decisions")->check(CLI::PositiveNumber);
  app.add_option("--json", with.json, "where the figures go");
  CLI11_PARSE(app, argc, argv);

  std::cout << fmt::format("{:34} {:7} {:>8} {:>10} {:>10} {:>10} {:>11}\n", "", "rule", "saved",
                           "of spread", "of value", "best hit", "decision");
  comparison compare(with);
  for (const auto& [task, _] : families) {
    const auto names = split(with.tasks);
    if (with.tasks != "all" && std::ranges::find(names, task) == names.end()) continue;
    for (const auto& algorithm : split(with.algorithms)) {
      for (const auto& workers : split(with.workers))
        compare.run(task, algorithm, std::stoul(workers));
    }
  }
  compare.finish();
}
