#include "runtime/ports.hpp"

#include "base/descriptor.hpp"
#include "wire/frame.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace troupe::runtime {

namespace {

struct address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Asks no name server: for a host by name, any address of this node is used.
address address_of(const std::string& host, uint16_t port) {
  address out;
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.size = sizeof *v6;
    return out;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) v4->sin_addr.s_addr = htonl(INADDR_ANY);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  out.size = sizeof *v4;
  return out;
}

} // namespace

result<> check_port(wire::PoolPlacement::Endpoint::Reader endpoint) {
  if (endpoint.getPort() == 0) return {};
  auto host = wire::str(endpoint.getHost());
  auto where = address_of(host, endpoint.getPort());
  unique_fd fd(socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int yes = 1;
  setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd.value(), reinterpret_cast<sockaddr*>(&where.storage), where.size) == 0
      || errno != EADDRINUSE)
    return {};
  return fail(errc::unavailable,
              "port {} of {}, which the replica was given, is in use by another process of node "
              "'{}'; end it, "
              "or change the range of ports that the agent offers",
              endpoint.getPort(), host, wire::view(endpoint.getNode()));
}

} // namespace troupe::runtime
