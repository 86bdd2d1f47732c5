// A file descriptor with one owner, and the words of the last system call that failed.
#pragma once

#include <string>
#include <utility>

namespace troupe {

/// Closes its descriptor when it goes. Empty (-1) by default and after a move.
class unique_fd {
public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd();

  int value() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

private:
  int fd_ = -1;
};

/// The message of the current errno: "No such file or directory".
std::string last_problem();

} // namespace troupe
