// Forgetting an attempt: ends what may still run of it, and removes its bookkeeping or its logs.
#include "base/descriptor.hpp"
#include "base/files.hpp"
#include "runtime/attempt.hpp"
#include "runtime/layout.hpp"
#include "runtime/leftovers.hpp"
#include "runtime/shim/identity.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe::runtime {

namespace {

/// A forgotten attempt should have no processes left; if it has, nothing else would ever end them.
void end_shim(const std::filesystem::path& replica) {
  auto text = read_file(replica / "record");
  auto record = text ? shim::decode_identity(*text) : std::nullopt;
  if (!record) return;
  unique_fd process(int(syscall(SYS_pidfd_open, record->pid, 0)));
  if (!process || shim::identity_of(record->pid) != record) return;
  syscall(SYS_pidfd_send_signal, process.value(), SIGKILL, nullptr, 0);
  kill_leftovers(replica);
}

} // namespace

void forget(const node_settings& settings, uint64_t job, uint32_t attempt) {
  auto directory = attempt_directory(settings.directory, job, attempt);
  std::error_code code;
  for (std::filesystem::recursive_directory_iterator it(directory, code), end; it != end && !code;
       it.increment(code)) {
    if (it.depth() == 1) it.disable_recursion_pending();
    if (it.depth() == 1 && key_of(it->path())) end_shim(it->path());
  }
  // The launch order first: if this is interrupted, the rest is not adopted as an attempt.
  std::filesystem::remove(directory / "launch", code);
  std::filesystem::remove_all(directory, code);
}

void purge(const node_settings& settings, uint64_t job, uint32_t attempt) {
  forget(settings, job, attempt);
  std::error_code code;
  auto logs = job_log_directory(settings.directory, job);
  std::filesystem::remove_all(logs / std::to_string(attempt), code);
  // Removed with the last attempt of the job; fails while there are others.
  std::filesystem::remove(logs, code);
}

} // namespace troupe::runtime
