// The file to which a trial reports its metrics, as cloudml-hypertune writes it: one flat JSON
// object per line, the whole file rewritten with the newest 100 at each report. So a reader may
// meet any half of it, and the same point many times.
#pragma once

#include "wire/metric_point.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace troupe::runtime {

/// The points of one line; none if it is not a whole, flat JSON object with a number, or the text
/// of one, under some tag.
std::vector<wire::metric_point> points_of_line(std::string_view line);

/// Every point of an attempt once, by (tag, step, timestamp).
class metric_history {
public:
  /// Only these tags count; all if there are none.
  explicit metric_history(std::vector<std::string> tags) : tags_(std::move(tags)) {}

  struct news {
    std::vector<wire::metric_point> points;
    std::string lines; // those of the text that held them
  };
  /// Takes the content of a metric file and tells what is new in it.
  news read(std::string_view text);
  const std::vector<wire::metric_point>& points() const { return points_; }

private:
  std::vector<std::string> tags_;
  std::set<std::tuple<std::string, int64_t, int64_t>> known_;
  std::vector<wire::metric_point> points_;
};

} // namespace troupe::runtime
