// The streams, colours and environment of the command. Commands get a console instead of the
// process's streams, so that tests read what people see.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

enum class tone : unsigned char { plain, dim, bold, good, bad, warning, active };

struct terminal_size {
  size_t columns = 80;
  size_t rows = 24;
};

struct console {
  std::ostream& out;
  std::ostream& err;
  bool out_terminal = false;
  bool err_terminal = false;
  bool colour = false;
  std::function<terminal_size()> size = [] { return terminal_size(); };
  /// The environment; nothing below reads the process's own.
  std::map<std::string, std::string> environment = {};

  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) const {
    out << fmt::format(format, std::forward<Args>(args)...);
  }
  std::string variable(const std::string& name) const {
    auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  }
  std::string painted(tone, std::string_view text) const;
};

/// The tone in which a state is shown.
tone tone_of(std::string_view state);

/// The console of this process: colours on a terminal, unless NO_COLOR is set or TERM is dumb.
console process_console();

/// A block of lines that is redrawn in place. Only for a terminal.
class live_block {
public:
  live_block(std::ostream& out, std::function<terminal_size()> size)
      : out_(out), size_(std::move(size)) {}

  /// Replaces what the last call drew. Lines are cut to the terminal; lines that do not fit its
  /// height are left out, and counted in the last one.
  void show(const std::vector<std::string>& lines);

private:
  std::ostream& out_;
  std::function<terminal_size()> size_;
  size_t drawn_ = 0;
};

} // namespace troupe::cli
