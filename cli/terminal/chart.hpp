// Draws charts as SVG without another library: lines, dots and crosses over sizes in bytes, counts,
// or plain values.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {

enum class chart_mark : unsigned char {
  line,  // with dots, unless it is dashed
  stair, // a line that keeps its value until the next point
  dot,
  ring,
  cross,
  foot_cross, // at the foot of the chart, whatever the value
};

struct chart_series {
  std::string name;
  std::string colour;
  std::vector<std::pair<double, double>> points;
  bool dashed = false;
  chart_mark mark = chart_mark::line;
};

enum class chart_x : unsigned char {
  bytes,  // on a scale of powers of two; values are then times or rates, from 0 up
  counts, // whole numbers
  values,
};

struct chart {
  std::string title;
  std::string y_title;
  bool y_logarithmic = false;
  std::vector<chart_series> series;
  std::string x_title = "size";
  chart_x x = chart_x::bytes;
};

/// The charts side by side, as one SVG document. Points that a scale cannot show (no size, no time)
/// are left out.
std::string svg_of(const std::vector<chart>& charts);

} // namespace troupe::cli
