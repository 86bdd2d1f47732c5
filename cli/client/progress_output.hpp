// The progress display of a command that waits: a block that is redrawn on a terminal, else lines
// with the time of day. With --format json it goes to stderr: a program reads standard output.
#pragma once

#include "base/instant.hpp"
#include "cli/client/invocation.hpp"
#include "cli/terminal/console.hpp"

#include <string>
#include <vector>

namespace troupe::cli {

/// By the wall clock.
instant wall_clock();

class progress_output {
public:
  explicit progress_output(const invocation& run);

  const console& at() const { return at_; }
  bool live() const { return live_; }
  /// Does nothing if the display is not live.
  void redraw(const std::vector<std::string>& lines) {
    if (live_) block_.show(lines);
  }
  void log(const std::string& line);
  /// Ends the display; what it shows stays on the terminal.
  void close();

private:
  const console& at_;
  std::ostream& out_;
  bool live_;
  live_block block_;
};

} // namespace troupe::cli
