// The shim's processes: starting a program in a new session, and ending every process that it
// started. The shim is the reaper of all its descendants, so a process that forks twice and leaves
// its session comes back to it and is found.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace troupe::runtime::shim {

struct launched {
  pid_t pid = 0;       // also its session and its process group
  std::string problem; // why nothing runs; empty if it does
  bool permanent = false;
};

/// Runs `argv` with exactly `environment` in `directory`; its standard output and error go to the
/// given descriptors, its input is /dev/null. Waits until the program runs or cannot. It dies with
/// this process.
launched launch(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                const std::string& directory, int stdout_fd, int stderr_fd);

/// Kills every descendant of this process and waits until there is none.
void end_all();

} // namespace troupe::runtime::shim
