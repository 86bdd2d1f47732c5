// Where a command that waits shows how things go: a block that is redrawn on a terminal, else lines
// with the time of day. With --format json standard output belongs to the program that reads it.
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
  /// Does nothing where it is not live.
  void redraw(const std::vector<std::string>& lines) {
    if (live_) block_.show(lines);
  }
  void say(const std::string& line);
  /// Leaves the block where it stands.
  void close();

private:
  const console& at_;
  std::ostream& out_;
  bool live_;
  live_block block_;
};

} // namespace troupe::cli
