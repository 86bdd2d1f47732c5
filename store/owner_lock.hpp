// One process at a time may have a state directory open. RocksDB has a lock of its own, but its
// message says neither who holds it nor what to do, and POSIX record locks do not see a second
// opener in the same process.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <utility>

namespace troupe::store {

class owner_lock {
public:
  /// failed_precondition, naming the process that has it, where the directory is taken.
  static result<owner_lock> take(const std::filesystem::path& directory);

  owner_lock(owner_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  owner_lock& operator=(owner_lock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~owner_lock();

private:
  explicit owner_lock(int fd) : fd_(fd) {}
  int fd_;
};

} // namespace troupe::store
