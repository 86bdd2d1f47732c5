// A study of a task, as a tuner would go through it: trials one after the other, in batches, or on
// workers that finish at random times; with noise in what the tuner sees, or with trials that fail.
#pragma once

#include "bench/tuner/tasks.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::bench {

struct run_settings {
  std::string algorithm = "ALGORITHM_UNSPECIFIED";
  std::string observation_noise = "OBSERVATION_NOISE_UNSPECIFIED";
  size_t trials = 100;
  uint32_t batch = 1;
  size_t workers = 0;  // asynchronous ones; 0: batches
  double noise = 0;    // standard deviation, as a part of the interquartile range of random points
  double failures = 0; // the part of trials that fail, by chance
};

struct run_result {
  /// After every trial: the regret of the trial that the tuner takes for the best so far; with
  /// several objectives, the trial's own values.
  std::vector<std::vector<double>> curve;
  double seconds = 0; // of CPU time, in suggest()
};

run_result run_study(const task& of, uint64_t seed, const run_settings& with);

struct evaluation {
  point at;
  std::vector<double> values;
};

/// The task at random points.
std::vector<evaluation> evaluate(const task& of, uint64_t seed, uint32_t count);

} // namespace troupe::bench
