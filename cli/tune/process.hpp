// One program of a trial: started with its output in files, in its own session so that all of it
// can be stopped together, and killed by the kernel if this process dies first.
#pragma once

#include "base/descriptor.hpp"
#include "base/error.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe::cli {

struct process_order {
  std::vector<std::string> command;
  std::vector<std::string> environment; // NAME=value
  std::filesystem::path output;         // files, emptied at the start
  std::filesystem::path errors;
};

class tune_process {
public:
  /// Call it from a thread that lives as long as the program may: the kernel kills the program when
  /// that thread ends. Errors: not_found or permission_denied if the program cannot be run; others
  /// where this machine has no process, file or memory left.
  static result<tune_process> start(const process_order& order);

  tune_process(tune_process&&) noexcept;
  tune_process& operator=(tune_process&&) noexcept;
  /// Kills what still runs.
  ~tune_process();

  /// Readable once the program has ended.
  int descriptor() const { return ended_.value(); }
  pid_t pid() const { return pid_; }

  /// Sends the signal to the program and to everything that it has started in its session.
  void signal(int number) const;

  /// After its end: kills the processes that it left running in its group. Returns the status as
  /// waitpid() does.
  int reap();

private:
  tune_process() = default;

  pid_t pid_ = 0; // 0: reaped
  unique_fd ended_;
};

/// The file that execvp() would run for `program` with this `path`. Errors: not_found,
/// permission_denied.
result<std::filesystem::path> find_program(const std::string& program, const std::string& path);

} // namespace troupe::cli
