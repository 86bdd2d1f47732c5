#include "cli/terminal/console.hpp"

#include "cli/terminal/table.hpp"

#include <algorithm>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

extern char** environ;

namespace troupe::cli {

namespace {

terminal_size size_of_terminal() {
  winsize size{};
  for (int fd : {STDOUT_FILENO, STDERR_FILENO})
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
      return {size.ws_col, size.ws_row};
  return {};
}

} // namespace

std::string console::painted(tone style, std::string_view text) const {
  std::string_view code;
  switch (style) {
  case tone::plain:
    break;
  case tone::dim:
    code = "2";
    break;
  case tone::bold:
    code = "1";
    break;
  case tone::good:
    code = "32";
    break;
  case tone::bad:
    code = "31";
    break;
  case tone::warning:
    code = "33";
    break;
  case tone::active:
    code = "36";
    break;
  }
  if (!colour || code.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

tone tone_of(std::string_view state) {
  if (state.ends_with("SUCCEEDED") || state == "READY") return tone::good;
  if (state.ends_with("FAILED") || state == "INFEASIBLE" || state == "LOST"
      || state == "DISCONNECTED")
    return tone::bad;
  if (state.ends_with("CANCELLED") || state.ends_with("CANCELLING") || state.ends_with("STOPPING")
      || state == "QUARANTINED")
    return tone::warning;
  if (state.ends_with("RUNNING") || state == "ACTIVE") return tone::active;
  return tone::dim;
}

console process_console() {
  console made{.out = std::cout, .err = std::cerr};
  for (char** entry = environ; *entry; ++entry) {
    std::string_view pair = *entry;
    if (auto equals = pair.find('='); equals != std::string_view::npos)
      made.environment.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  made.out_terminal = isatty(STDOUT_FILENO) && made.variable("TERM") != "dumb";
  made.err_terminal = isatty(STDERR_FILENO) && made.variable("TERM") != "dumb";
  made.colour = made.out_terminal && made.variable("NO_COLOR").empty();
  made.size = size_of_terminal;
  return made;
}

void live_block::show(const std::vector<std::string>& lines) {
  auto size = size_();
  std::string text;
  if (drawn_ > 0) text += fmt::format("\x1b[{}A\r", drawn_);
  // One row stays free for the cursor: a terminal that scrolls between two drawings would keep old
  // lines.
  auto room = std::max<size_t>(size.rows, 2) - 1;
  auto shown = lines.size() <= room ? lines.size() : room - 1;
  for (size_t i = 0; i < shown; ++i)
    text += truncated(lines[i], size.columns) + "\x1b[K\n";
  drawn_ = shown;
  if (shown < lines.size()) {
    text += fmt::format("... and {} more lines\x1b[K\n", lines.size() - shown);
    ++drawn_;
  }
  text += "\x1b[J";
  out_ << text << std::flush;
}

} // namespace troupe::cli
