#include "runtime/leftovers.hpp"

#include "base/descriptor.hpp"
#include "base/files.hpp"

#include <cstdlib>
#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe::runtime {

namespace {

bool is_marked(pid_t pid, const std::string& mark) {
  auto environment = read_file(fmt::format("/proc/{}/environ", pid));
  if (!environment) return false;
  auto at = environment->find(mark);
  return at == 0 || (at != environment->npos && (*environment)[at - 1] == '\0');
}

} // namespace

size_t kill_leftovers(const std::filesystem::path& replica_directory) {
  auto mark = fmt::format("{}={}", replica_mark, replica_directory.string());
  mark += '\0';
  size_t killed = 0;
  DIR* proc = opendir("/proc");
  if (!proc) return 0;
  while (auto* entry = readdir(proc)) {
    pid_t pid = std::atoi(entry->d_name);
    if (pid <= 1 || pid == getpid() || !is_marked(pid, mark)) continue;
    // The descriptor refers to the process that is examined again, even if its pid is reused
    // later.
    unique_fd process(int(syscall(SYS_pidfd_open, pid, 0)));
    if (!process || !is_marked(pid, mark)) continue;
    ++killed;
    syscall(SYS_pidfd_send_signal, process.value(), SIGKILL, nullptr, 0);
  }
  closedir(proc);
  return killed;
}

} // namespace troupe::runtime
