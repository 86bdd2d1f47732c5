// A chart of a run as SVG: enough to see where the time goes over sizes, with nothing to install.
#pragma once

#include "cli/bench_report.hpp"

#include <string>
#include <vector>

namespace troupe::cli {

struct chart_series {
  std::string name;
  std::string colour;
  std::vector<std::pair<double, double>> points;
  bool dashed = false;
};

struct chart {
  std::string title;
  std::string y_title;
  bool y_logarithmic = false;
  std::vector<chart_series> series; // over sizes in bytes, on a scale of powers of two
};

/// The charts side by side, as one SVG document. Points that a scale cannot show (no size, no time)
/// are left out.
std::string svg_of(const std::vector<chart>& charts);

/// Times and algorithm bandwidth over sizes.
std::vector<chart> charts_of(const bench_report& report);

} // namespace troupe::cli
