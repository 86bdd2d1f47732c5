// Small truths about files that the rest of runtime/ relies on: a descriptor has one owner, a file
// is there whole or not at all, and every failure names the path.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::runtime {

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

/// The message of the current errno.
std::string last_problem();

/// Errors: not_found if there is no such file, otherwise unavailable.
result<std::string> read_file(const std::filesystem::path&);
/// Readers see the old content or the new one. Only the owner may read it. Nothing is synced: it
/// survives us, not a power loss.
result<> replace_file(const std::filesystem::path&, std::string_view bytes);
/// Adds whole lines to the end of a file of ours.
result<> append_file(const std::filesystem::path&, std::string_view bytes);
/// With all parents; only the owner may enter those that are made.
result<> make_directories(const std::filesystem::path&);

/// A listening SOCK_SEQPACKET socket `name` in `directory`, and a connection to one. Paths of any
/// length.
result<unique_fd> listen_at(const std::filesystem::path& directory, const std::string& name);
result<unique_fd> connect_to(const std::filesystem::path& directory, const std::string& name);

} // namespace troupe::runtime
