// One run of the command: its options, its console, and the action to take. Parsing only chooses
// `action`, which runs after the whole command line is parsed: a mistake in the last option means
// that nothing was done.
#pragma once

#include "cli/client/http_client.hpp"
#include "cli/client/settings.hpp"
#include "cli/terminal/console.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_interrupted = 130;

struct invocation {
  console& at;
  global_options options;
  /// Everything after "--", untouched: the program for the job to run.
  std::optional<std::vector<std::string>> program;
  std::function<int()> action;

  /// A client of the chosen cluster.
  result<std::unique_ptr<http_client>> connect(bool interruptible = false) const;

  /// "/v1/projects/{project}/locations/{location}"
  std::string parent() const;

  /// Prints the error and gives the exit code for it.
  int failed(const error& problem) const;
  /// As failed(), for a mistake in the user's input; also names the help of `command`.
  int misused(const error& problem, const std::string& command) const;
};

} // namespace troupe::cli
