#include "bench/tuner/study_run.hpp"

#include "bench/tuner/cpu_time.hpp"
#include "bench/tuner/generator.hpp"
#include "tuner/suggest.hpp"
#include "wire/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace troupe::bench {

namespace {

using job = wire::HyperparameterTuningJob;

struct trial {
  std::vector<tuner::parameter_value> at;
  bool ended = false;
  bool failed = false;
  std::vector<double> seen; // what the tuner is told
  double ends = 0;          // of workers: when
};

wire::frame<wire::StudySpec> spec_of(const task& of, const std::string& algorithm,
                                     const std::string& noise) {
  std::string metrics;
  for (uint32_t i = 0; i < of.metrics; ++i)
    metrics += fmt::format(R"({}{{"metricId": "m{}", "goal": "MINIMIZE"}})", i > 0 ? ", " : "", i);
  auto spec = wire::from_json<wire::StudySpec>(fmt::format(
      R"({{"algorithm": "{}", "observationNoise": "{}", "metrics": [{}], "parameters": [{}]}})",
      algorithm, noise, metrics, of.parameters));
  if (!spec) {
    fmt::print(stderr, "the study cannot be read: {}\n", spec.error().message);
    std::exit(2);
  }
  return std::move(*spec);
}

point point_of(const std::vector<tuner::parameter_value>& values) {
  point made;
  for (const auto& v : values) {
    if (const auto* text = std::get_if<std::string>(&v.value))
      made[v.id] = {0, *text};
    else
      made[v.id] = {std::get<double>(v.value), ""};
  }
  return made;
}

void write(const trial& from, wire::Trial::Builder to) {
  using state = wire::Trial::State;
  to.setState(!from.ended ? state::ACTIVE : from.failed ? state::INFEASIBLE : state::SUCCEEDED);
  auto values = to.initParameters(static_cast<uint32_t>(from.at.size()));
  for (uint32_t i = 0; i < values.size(); ++i) {
    values[i].setParameterId(wire::text(from.at[i].id));
    if (const auto* text = std::get_if<std::string>(&from.at[i].value))
      values[i].initValue().setString(wire::text(*text));
    else
      values[i].initValue().setNumber(std::get<double>(from.at[i].value));
  }
  if (!from.ended || from.failed) return;
  auto metrics = to.initFinalMeasurement().initMetrics(static_cast<uint32_t>(from.seen.size()));
  for (uint32_t i = 0; i < metrics.size(); ++i) {
    metrics[i].setMetricId(wire::text(fmt::format("m{}", i)));
    metrics[i].setValue(from.seen[i]);
  }
}

wire::frame<job> job_of(const std::vector<trial>& trials) {
  return wire::frame<job>::build([&](job::Builder built) {
    auto list = built.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i)
      write(trials[i], list[i]);
  });
}

class study {
public:
  study(const task& of, uint64_t seed, const run_settings& with)
      : with_(with), spec_(spec_of(of, with.algorithm, with.observation_noise)),
        function_(of.make(seed)), seed_(seed), random_(seed + 77'000) {
    if (with.noise > 0) spread_ = with.noise * interquartile_range(of);
  }

  run_result run() {
    if (with_.workers > 0)
      run_workers();
    else
      run_batches();
    return std::move(result_);
  }

private:
  size_t ended() const { return result_.curve.size(); }

  void run_batches() {
    while (ended() < with_.trials) {
      const auto first = trials_.size();
      ask(std::min(with_.batch, static_cast<uint32_t>(with_.trials - ended())));
      if (trials_.size() == first) result_.curve.push_back(result_.curve.back()); // nothing is left
      for (auto i = first; i < trials_.size(); ++i)
        end(trials_[i]);
    }
  }

  void run_workers() {
    double now = 0;
    while (ended() < with_.trials) {
      bool left = true;
      while (left && trials_.size() - ended() < with_.workers && trials_.size() < with_.trials) {
        left = ask(1);
        if (left) trials_.back().ends = now + 0.5 + random_.unit();
      }
      const auto next = std::ranges::min_element(trials_, {}, [](const trial& t) {
        return t.ended ? std::numeric_limits<double>::infinity() : t.ends;
      });
      now = next->ends;
      end(*next);
    }
  }

  bool ask(uint32_t count) {
    const auto so_far = job_of(trials_);
    const auto start = cpu_seconds();
    auto suggested = tuner::suggest(*spec_, so_far->getTrials(), seed_, count);
    result_.seconds += cpu_seconds() - start;
    for (auto& at : suggested.sets)
      trials_.push_back({std::move(at)});
    return !suggested.sets.empty();
  }

  void end(trial& t) {
    t.ended = true;
    const auto values = function_(point_of(t.at));
    t.failed = random_.unit() < with_.failures;
    for (auto v : values)
      t.seen.push_back(v + spread_ * random_.normal());
    if (values.size() > 1) {
      result_.curve.push_back(values);
      return;
    }
    if (!t.failed && t.seen[0] < best_seen_) {
      best_seen_ = t.seen[0];
      regret_of_best_ = values[0];
    }
    result_.curve.push_back({regret_of_best_});
  }

  double interquartile_range(const task& of) const {
    const auto spec = spec_of(of, "RANDOM_SEARCH", "OBSERVATION_NOISE_UNSPECIFIED");
    const auto none = job_of({});
    std::vector<double> regrets;
    for (const auto& at : tuner::suggest(*spec, none->getTrials(), 1, 200).sets)
      regrets.push_back(function_(point_of(at))[0]);
    std::ranges::sort(regrets);
    return regrets[150] - regrets[50];
  }

  const run_settings& with_;
  wire::frame<wire::StudySpec> spec_;
  objectives function_;
  uint64_t seed_;
  generator random_;
  double spread_ = 0;
  std::vector<trial> trials_;
  run_result result_;
  double best_seen_ = std::numeric_limits<double>::infinity();
  double regret_of_best_ = 1e300; // until a trial does not fail
};

} // namespace

run_result run_study(const task& of, uint64_t seed, const run_settings& with) {
  return study(of, seed, with).run();
}

std::vector<evaluation> evaluate(const task& of, uint64_t seed, uint32_t count) {
  const auto spec = spec_of(of, "RANDOM_SEARCH", "OBSERVATION_NOISE_UNSPECIFIED");
  const auto none = job_of({});
  const auto function = of.make(seed);
  std::vector<evaluation> all;
  for (const auto& at : tuner::suggest(*spec, none->getTrials(), seed, count).sets) {
    auto here = point_of(at);
    auto values = function(here);
    all.push_back({std::move(here), std::move(values)});
  }
  return all;
}

} // namespace troupe::bench
