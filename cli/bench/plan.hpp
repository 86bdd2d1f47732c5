// `troupe bench plan`: predicts from theory alone what a number of reducers is worth, before they
// are bought (reduction/rank/plan.hpp).
#pragma once

#include "base/error.hpp"
#include "reduction/rank/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct plan_flags {
  uint32_t workers = 0;
  uint32_t reducers = 0;
  std::string link;
  std::string reducer_link;
  std::string size = "1G";
  std::optional<double> measured_kappa;
};

struct prediction {
  uint32_t workers = 0;
  uint32_t reducers = 0;
  uint64_t bytes = 0;
  std::optional<double> link_bytes_per_s; // nothing: figures are in units of S/B
  double kappa = 0;
  bool measured = false; // kappa was measured; otherwise it follows from the reducers' links
  reduction::split split;
  uint64_t reducers_for_full_rate = 0; // 0: not known

  /// Nothing without a link.
  std::optional<double> seconds(double factor) const;
  std::optional<double> algbw_gb_s(double factor) const;
};

/// Errors: invalid_argument naming the flag.
result<prediction> predict(const plan_flags& flags);

std::vector<std::string> lines_of(const prediction& predicted);
std::string json_of(const prediction& predicted);

} // namespace troupe::cli
