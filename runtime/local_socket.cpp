#include "runtime/local_socket.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace troupe::runtime {

namespace {

/// A socket's address has 107 characters and our paths may be longer; the path through the open
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
