// The files that a command leaves besides what it prints: results as JSON, a chart. No path, no
// file.
#pragma once

#include "base/error.hpp"

#include <string>

namespace troupe::cli {

struct output_files {
  std::string json;
  std::string plot; // SVG

  /// Found out before what takes an hour or a night: both can be written, and the chart is not
  /// called by another format's name.
  result<> check() const;
};

/// In place of what is there.
result<> write_file(const std::string& path, const std::string& text);

} // namespace troupe::cli
