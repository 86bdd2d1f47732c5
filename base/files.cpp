#include "base/files.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace troupe::runtime {

namespace {

/// A socket's address holds 107 characters and our paths may be longer; the way through the open
/// directory is short.
struct short_address {
  unique_fd directory;
  sockaddr_un address{};
};

result<short_address> address_of(const std::filesystem::path& directory, const std::string& name) {
  short_address out;
  out.directory = unique_fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!out.directory) return fail(errc::unavailable, "{}: {}", directory.string(), last_problem());
  auto path = fmt::format("/proc/self/fd/{}/{}", out.directory.value(), name);
  out.address.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.address.sun_path)
    return fail(errc::invalid_argument, "{}: the name of a socket is too long", name);
  std::memcpy(out.address.sun_path, path.c_str(), path.size() + 1);
  return out;
}

result<unique_fd> socket_of(int flags) {
  unique_fd out(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!out) return fail(errc::unavailable, "cannot make a socket: {}", last_problem());
  return out;
}

} // namespace

unique_fd::~unique_fd() {
  if (fd_ >= 0) close(fd_);
}

std::string last_problem() { return std::generic_category().message(errno); }

result<std::string> read_file(const std::filesystem::path& path) {
  // A program may have put a FIFO there; nobody waits for one.
  unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd)
    return fail(errno == ENOENT ? errc::not_found : errc::unavailable, "{}: {}", path.string(),
                last_problem());
  std::string out;
  char buffer[16 << 10];
  for (;;) {
    auto n = read(fd.value(), buffer, sizeof buffer);
    if (n == 0) return out;
    if (n > 0)
      out.append(buffer, size_t(n));
    else if (errno != EINTR)
      return fail(errc::unavailable, "{}: {}", path.string(), last_problem());
  }
}

result<> replace_file(const std::filesystem::path& path, std::string_view bytes) {
  static std::atomic<uint64_t> counter = 0;
  auto temporary = path;
  temporary += fmt::format(".{}.{}.tmp", getpid(), ++counter);
  auto problem = [&] {
    auto text = last_problem();
    unlink(temporary.c_str());
    return fail(errc::unavailable, "cannot write {}: {}", path.string(), text);
  };
  unique_fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return problem();
  while (!bytes.empty()) {
    auto n = write(fd.value(), bytes.data(), bytes.size());
    if (n > 0)
      bytes.remove_prefix(size_t(n));
    else if (errno != EINTR)
      return problem();
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return problem();
  return {};
}

result<> append_file(const std::filesystem::path& path, std::string_view bytes) {
  unique_fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  while (fd && !bytes.empty()) {
    auto n = write(fd.value(), bytes.data(), bytes.size());
    if (n > 0)
      bytes.remove_prefix(size_t(n));
    else if (errno != EINTR)
      break;
  }
  if (!fd || !bytes.empty())
    return fail(errc::unavailable, "cannot write {}: {}", path.string(), last_problem());
  return {};
}

result<> make_directories(const std::filesystem::path& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT || !path.has_parent_path() || path.parent_path() == path)
    return fail(errc::unavailable, "cannot make the directory {}: {}", path.string(),
                last_problem());
  if (auto parent = make_directories(path.parent_path()); !parent) return parent;
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(errc::unavailable, "cannot make the directory {}: {}", path.string(), last_problem());
}

result<unique_fd> listen_at(const std::filesystem::path& directory, const std::string& name) {
  auto address = address_of(directory, name);
  if (!address) return std::unexpected(address.error());
  auto fd = socket_of(SOCK_NONBLOCK);
  if (!fd) return fd;
  if (bind(fd->value(), reinterpret_cast<sockaddr*>(&address->address), sizeof(sockaddr_un)) != 0
      || listen(fd->value(), 8) != 0)
    return fail(errc::unavailable, "cannot listen at {}/{}: {}", directory.string(), name,
                last_problem());
  return fd;
}

result<unique_fd> connect_to(const std::filesystem::path& directory, const std::string& name) {
  auto address = address_of(directory, name);
  if (!address) return std::unexpected(address.error());
  auto fd = socket_of(SOCK_NONBLOCK);
  if (!fd) return fd;
  if (connect(fd->value(), reinterpret_cast<sockaddr*>(&address->address), sizeof(sockaddr_un))
      != 0)
    return fail(errc::unavailable, "cannot connect to {}/{}: {}", directory.string(), name,
                last_problem());
  return fd;
}

} // namespace troupe::runtime
