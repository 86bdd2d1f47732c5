// The files that a command writes besides its output: results as JSON, a chart. An empty path means
// no file.
#pragma once

#include "base/error.hpp"

#include <string>

namespace troupe::cli {

struct output_files {
  std::string json;
  std::string plot; // SVG

  /// Checks before the work, which may take hours, that both files can be written and that the
  /// chart's name does not end like another format.
  result<> check() const;
};

/// Replaces an existing file.
result<> write_file(const std::string& path, const std::string& text);

} // namespace troupe::cli
