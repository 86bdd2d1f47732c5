#include "base/directory_lock.hpp"

#include "base/files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace troupe {

result<directory_lock>
directory_lock::take(const std::filesystem::path& directory, const std::string& name,
                     const std::function<std::string(const std::string&)>& in_use) {
  const auto file = directory / name;
  unique_fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd)
    return fail(errc::failed_precondition,
                "cannot open {}: {}; the directory must be writable by this user", file.string(),
                last_problem());
  if (::flock(fd.value(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return fail(errc::failed_precondition,
                  "cannot lock {}: {}; the file system must support flock", file.string(),
                  last_problem());
    const auto owner = first_line(file);
    return fail(errc::failed_precondition, "{}",
                in_use(owner && !owner->empty() ? *owner : "unknown"));
  }
  const auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.value(), 0) != 0
      || ::pwrite(fd.value(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return fail(errc::unavailable, "cannot write {}: {}", file.string(), last_problem());
  return directory_lock(std::move(fd));
}

} // namespace troupe
