// Reads the metrics of programs that write no metric file from the last lines of their output.
// Pure.
//
// A line counts if it is one flat JSON object ({"loss": 0.3, "accuracy": 0.9}), or if every word of
// it is name=number (loss=0.3 accuracy=0.9; words are separated by blanks, commas or semicolons).
// For each metric the last such line that names it counts.
#pragma once

#include "core/state/jobs.hpp"

#include <re2/re2.h>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// The values of the metrics `ids` in the output, one point each at most, all at the same step
/// (that of a JSON line's global_step, or 0) and at `now_micros`. With a pattern: the only metric's
/// value is the first group of its last match in a line.
std::vector<wire::metric_point> points_of_output(std::string_view output,
                                                 const std::vector<std::string>& ids,
                                                 const re2::RE2* pattern, int64_t now_micros);

/// The last line that is not empty, printable, cut to 200 columns.
std::string last_line(std::string_view text);

} // namespace troupe::cli
