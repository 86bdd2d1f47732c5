// Metrics of programs that know nothing of metric files: what the last lines of their output say.
// Pure.
//
// A line counts if it is one flat JSON object ({"loss": 0.3, "accuracy": 0.9}), or if every word of
// it is name=number (loss=0.3 accuracy=0.9; words are parted by blanks, commas or semicolons). Of
// each metric the last such line counts that names it.
#pragma once

#include "core/state/state.hpp"

#include <re2/re2.h>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// What the output says of the metrics `ids`, one point each at most, all at the same step (that of
/// a JSON line's global_step, or 0) and at `now_micros`. With a pattern: the only metric's value is
/// the first group of its last match in a line.
std::vector<core::metric_point> points_of_output(std::string_view output,
                                                 const std::vector<std::string>& ids,
                                                 const re2::RE2* pattern, int64_t now_micros);

/// The last line that holds anything, fit to be shown, cut to some 200 columns.
std::string last_line(std::string_view text);

} // namespace troupe::cli
