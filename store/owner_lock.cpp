#include "store/owner_lock.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace troupe::store {

namespace {

std::string owner_of(int fd) {
  std::array<char, 32> text{};
  ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), n > 0 ? static_cast<size_t>(n) : 0);
  while (!pid.empty() && pid.back() == '\n')
    pid.pop_back();
  return pid.empty() ? "another process" : "process " + pid;
}

} // namespace

result<owner_lock> owner_lock::take(const std::filesystem::path& directory) {
  auto file = (directory / "owner").string();
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(errc::failed_precondition,
                "cannot open {}: {}; the directory must be writable by this user", file,
                std::strerror(errno));
  owner_lock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(errc::failed_precondition,
                  "{} is in use by {}: stop it first, or give this one a directory of its own",
                  directory.string(), owner_of(fd));
    return fail(errc::failed_precondition, "cannot lock {}: {}; the file system must support flock",
                file, std::strerror(errno));
  }
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0
      || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return fail(errc::unavailable, "cannot write {}: {}", file, std::strerror(errno));
  return lock;
}

owner_lock::~owner_lock() {
  if (fd_ >= 0) ::close(fd_);
}

} // namespace troupe::store
