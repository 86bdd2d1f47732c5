// How long a suggestion takes, and what memory: 20 dimensions, one core, after many trials. The
// trials are as a study leaves them: half of them spread over the space, half of them near the
// best. Or, with --study, those of a real study, at the cost of going through all of it.
#include "bench/tuner/cpu_time.hpp"
#include "bench/tuner/functions.hpp"
#include "bench/tuner/generator.hpp"
#include "tuner/gp/keep_memory.hpp"
#include "tuner/suggest.hpp"
#include "wire/json.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <span>
#include <string>

using namespace troupe;
using namespace troupe::bench;

namespace {

constexpr uint32_t dimensions = 20;
using job = wire::HyperparameterTuningJob;
using rows = std::vector<numbers>;

/// What the kernel says of this process, in KiB: VmRSS, or VmHWM, its peak.
double status_kib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1));
  }
  return 0;
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

double loss(const numbers& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += (x[i] - 1) * (x[i] - 1) + 3 * std::sin(3 * x[i]) + (i > 0 ? 0.3 * x[i] * x[i - 1] : 0);
  return sum;
}

numbers random_point(generator& random, double reach, double centre) {
  numbers x(dimensions);
  for (auto& v : x)
    v = centre + random.between(-reach, reach);
  return x;
}

rows made_trials(size_t count, uint64_t seed) {
  generator random(seed);
  rows all;
  for (size_t i = 0; i < count; ++i)
    all.push_back(i < count / 2 ? random_point(random, 5, 0) : random_point(random, 1.5, 0.5));
  return all;
}

wire::frame<job> job_of(const rows& trials) {
  return wire::frame<job>::build([&](job::Builder built) {
    auto list = built.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      list[i].setState(wire::Trial::State::SUCCEEDED);
      auto values = list[i].initParameters(dimensions);
      for (uint32_t j = 0; j < dimensions; ++j) {
        values[j].setParameterId(wire::text(fmt::format("x{}", j)));
        values[j].initValue().setNumber(trials[i][j]);
      }
      auto metric = list[i].initFinalMeasurement().initMetrics(1)[0];
      metric.setMetricId("loss");
      metric.setValue(loss(trials[i]));
    }
  });
}

wire::frame<wire::StudySpec> study_spec() {
  std::string parameters;
  for (uint32_t i = 0; i < dimensions; ++i)
    parameters += fmt::format(
        R"({}{{"parameterId": "x{}", "doubleValueSpec": {{"minValue": -5, "maxValue": 5}}}})",
        i > 0 ? ", " : "", i);
  return *wire::from_json<wire::StudySpec>(
      R"({"metrics": [{"metricId": "loss", "goal": "MINIMIZE"}], "parameters": [)" + parameters
      + "]}");
}

struct timed {
  double ms = 0;
  double cpu_ms = 0;
  rows points;
};

timed suggest(wire::StudySpec::Reader spec, const rows& trials, uint64_t seed, uint32_t count) {
  const auto so_far = job_of(trials);
  const auto cpu_start = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const auto made = tuner::suggest(spec, so_far->getTrials(), seed, count);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  timed result{1e3 * elapsed.count(), 1e3 * (cpu_seconds() - cpu_start), {}};
  for (const auto& set : made.sets) {
    result.points.emplace_back();
    for (const auto& v : set)
      result.points.back().push_back(std::get<double>(v.value));
  }
  return result;
}

/// The value that a share of all do not exceed.
double share_below(std::vector<double> all, double share) {
  std::ranges::sort(all);
  return all[static_cast<size_t>(std::lround(share * static_cast<double>(all.size() - 1)))];
}

void print_row(size_t trials, std::span<const timed> all, double grown_mib,
               const std::string& same) {
  std::vector<double> ms;
  std::vector<double> cpu_ms;
  for (const auto& t : all)
    ms.push_back(t.ms), cpu_ms.push_back(t.cpu_ms);
  std::cout << fmt::format(
      "{{\"trials\": {}, \"suggestions\": {}, \"cpu_median_ms\": {:.1f}, \"cpu_p90_ms\": {:.1f}, "
      "\"median_ms\": {:.1f}, \"p90_ms\": {:.1f}, \"memory_mib\": {:.1f}, \"same\": \"{}\"}}\n",
      trials, all.size(), share_below(cpu_ms, 0.5), share_below(cpu_ms, 0.9), share_below(ms, 0.5),
      share_below(ms, 0.9), grown_mib, same)
            << std::flush;
}

void measure(wire::StudySpec::Reader spec, size_t count, int repeats, uint32_t batch) {
  const auto before = status_kib("VmRSS");
  reset_peak();
  std::vector<timed> all;
  bool same = true;
  for (int i = 0; i < repeats; ++i) {
    const auto seed = static_cast<uint64_t>(i);
    const auto trials = made_trials(count, seed);
    all.push_back(suggest(spec, trials, seed, batch));
    // Once is enough to see a difference, and keeps long measurements short.
    if (i == 0) same = suggest(spec, trials, seed, batch).points == all[0].points;
  }
  print_row(count, all, (status_kib("VmHWM") - before) / 1024, same ? "yes" : "no");
}

/// One study to its end; the figures at n are of the last `window` suggestions before trial n.
void measure_study(wire::StudySpec::Reader spec, const std::vector<size_t>& counts, size_t window) {
  rows trials;
  std::vector<timed> all;
  const auto before = status_kib("VmRSS");
  while (trials.size() < counts.back()) {
    all.push_back(suggest(spec, trials, 1, 1));
    trials.push_back(all.back().points.at(0));
    if (std::ranges::find(counts, trials.size()) != counts.end())
      print_row(trials.size(), std::span(all).last(std::min(window, all.size())),
                (status_kib("VmHWM") - before) / 1024, "-");
  }
}

} // namespace

int main(int argc, char** argv) {
  tuner::gp::keep_freed_memory(); // as `troupe` does
  std::vector<size_t> counts{100, 500, 1000, 2000};
  int repeats = 20;
  uint32_t batch = 1;
  bool study = false;
  CLI::App app("Times suggestions in 20 dimensions: a line of JSON for every number of trials.");
  app.add_option("--trials", counts, "with commas")->delimiter(',');
  app.add_option("--repeats", repeats, "suggestions for each number of trials");
  app.add_option("--batch", batch, "suggestions at once");
  app.add_flag("--study", study, "trials of a real study, not made-up ones");
  CLI11_PARSE(app, argc, argv);
  const auto spec = study_spec();
  if (study) {
    std::ranges::sort(counts);
    measure_study(*spec, counts, static_cast<size_t>(repeats));
    return 0;
  }
  for (auto count : counts)
    measure(*spec, count, repeats, batch);
}
