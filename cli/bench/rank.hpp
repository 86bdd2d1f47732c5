// One rank's run of a benchmark: for each size it warms up, times, and checks. Times are gathered
// from all ranks once the timed loop is over, so that gathering is not measured.
#pragma once

#include "cli/bench/settings.hpp"

#include <functional>
#include <memory>

namespace troupe::cli {

/// Over the iterations, of the time that the slowest rank took for each.
struct bench_timing {
  double mean_us = 0;
  double min_us = 0;
  double p50_us = 0;
  double p99_us = 0;
  double cpu_s = 0;              // of this process, all threads, over all iterations
  std::optional<uint64_t> wrong; // elements on all ranks; nothing where it was not checked
};

struct bench_row {
  uint64_t bytes = 0;
  uint64_t count = 0;
  std::optional<bench_timing> out_of_place;
  std::optional<bench_timing> in_place;
};

/// The communicator's figures at the end.
struct bench_tier {
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  double kappa = 0;
  double reducer_share = 0;
};

/// p in (0, 1]: the smallest value that is no less than this part of `sorted`, which is not empty.
double percentile(const std::vector<double>& sorted, double p);

/// From the iterations' times in microseconds; at least one.
bench_timing timing_of(std::vector<double> times_us);

class bench_rank {
public:
  /// Meets the other ranks, which the environment names. Errors: those of troupe_init_from_env;
  /// invalid_argument for a root that does not exist; resource_exhausted for too little memory.
  static result<std::unique_ptr<bench_rank>> open(const bench_settings& settings);
  virtual ~bench_rank() = default;

  virtual uint32_t rank() const = 0;
  virtual uint32_t ranks() const = 0;
  virtual uint32_t reducers() const = 0;

  /// Measures all sizes; reports each row as soon as it is measured. Errors: the collective's.
  virtual result<std::vector<bench_row>> run(std::function<void(const bench_row&)> on_row) = 0;
  virtual result<bench_tier> tier() = 0;
  /// Leaves in good order; nothing else may be called afterwards.
  virtual result<> close() = 0;
};

} // namespace troupe::cli
