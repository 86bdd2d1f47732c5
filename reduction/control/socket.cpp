#include "reduction/control/socket.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::reduction {
namespace {

// Control frames are small and rare: a peer that leaves this much unread is not reading at all.
constexpr size_t max_unsent_bytes = 1024 * 1024;

sockaddr* raw(socket_address& address) {
  return reinterpret_cast<sockaddr*>(address.storage.data());
}
const sockaddr* raw(const socket_address& address) {
  return reinterpret_cast<const sockaddr*>(address.storage.data());
}

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

bool same_host(const sockaddr* a, const sockaddr* b) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET)
    return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr
           == reinterpret_cast<const sockaddr_in*>(b)->sin_addr.s_addr;
  if (a->sa_family == AF_INET6)
    return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                       &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr, sizeof(in6_addr))
           == 0;
  return false;
}

// A worker that reaches 127.0.0.5 is on the loopback, whose only listed address is 127.0.0.1.
bool is_loopback(const sockaddr* address) {
  return address->sa_family == AF_INET
         && (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
}

result<std::string> interface_owning(const socket_address& address) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0)
    return fail(errc::unavailable, "cannot list the network interfaces: {}", std::strerror(errno));
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  for (const auto* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const bool both_loopback = is_loopback(at->ifa_addr) && is_loopback(raw(address));
    if (!both_loopback && !same_host(at->ifa_addr, raw(address))) continue;
    const std::string name = at->ifa_name;
    return name.substr(0, name.find(':')); // an alias such as eth0:1 is no device
  }
  return fail(errc::unavailable, "no network interface of this machine has the address {}",
              address.text());
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

} // namespace

std::string host_port::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

result<host_port> parse_host_port(std::string_view text) {
  const auto bad = [&] {
    return fail(errc::invalid_argument, "\"{}\" is not host:port with a port of 0 to 65535", text);
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return bad();
  const auto digits = text.substr(colon + 1);
  host_port out{std::string(host)};
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (host.empty() || code != std::errc() || end != digits.data() + digits.size()) return bad();
  return out;
}

result<std::vector<host_port>> parse_host_ports(std::string_view list) {
  std::vector<host_port> out;
  for (size_t start = 0; start <= list.size();) {
    const auto end = std::min(list.find(',', start), list.size());
    auto address = parse_host_port(list.substr(start, end - start));
    if (!address) return std::unexpected(address.error());
    out.push_back(std::move(*address));
    start = end + 1;
  }
  return out;
}

std::string socket_address::text() const {
  char host[NI_MAXHOST] = "?";
  getnameinfo(raw(*this), length, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return host_port{host, port()}.text();
}

uint16_t socket_address::port() const {
  const auto* const address = raw(*this);
  if (address->sa_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  if (address->sa_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(address)->sin6_port);
  return 0;
}

result<socket_address> resolve(const host_port& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (code != 0)
    return fail(errc::unavailable, "cannot resolve {}: {}", address.host, gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  socket_address out;
  std::memcpy(out.storage.data(), list->ai_addr, list->ai_addrlen);
  out.length = list->ai_addrlen;
  return out;
}

result<std::string> interface_toward(const socket_address& target) {
  // Connecting a datagram socket only looks up the route.
  const unique_fd probe(socket(raw(target)->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe || connect(probe.value(), raw(target), target.length) != 0)
    return fail(errc::unavailable, "no route to {}: {}", target.text(), std::strerror(errno));
  return interface_owning(local_address(probe.value()));
}

result<std::string> interface_of(int connected_fd) {
  return interface_owning(local_address(connected_fd));
}

std::optional<uint32_t> peer_ipv4(int connected_fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (getpeername(connected_fd, reinterpret_cast<sockaddr*>(&address), &length) != 0
      || address.sin_family != AF_INET)
    return std::nullopt;
  return address.sin_addr.s_addr;
}

std::optional<uint32_t> own_ipv4(int connected_fd) {
  const auto address = local_address(connected_fd);
  if (raw(address)->sa_family != AF_INET) return std::nullopt;
  return reinterpret_cast<const sockaddr_in*>(raw(address))->sin_addr.s_addr;
}

socket_address local_address(int fd) {
  socket_address out;
  socklen_t length = out.storage.size();
  if (getsockname(fd, raw(out), &length) == 0) out.length = length;
  return out;
}

checked_mutex& listening_mutex() {
  static checked_mutex mutex;
  return mutex;
}

result<unique_fd> listen_on(const host_port& address) {
  const auto resolved = resolve(address);
  if (!resolved) return std::unexpected(resolved.error());
  const mutex_lock alone(listening_mutex());
  unique_fd fd(socket(raw(*resolved)->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (fd) setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!fd || bind(fd.value(), raw(*resolved), resolved->length) != 0
      || listen(fd.value(), SOMAXCONN) != 0)
    return fail(errc::unavailable, "cannot listen on {}: {}", address.text(), std::strerror(errno));
  return fd;
}

std::optional<std::pair<unique_fd, socket_address>> accept_one(int listener) {
  socket_address from;
  socklen_t length = from.storage.size();
  unique_fd fd(accept4(listener, raw(from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return std::nullopt;
  from.length = length;
  return std::pair(std::move(fd), from);
}

frame_socket::frame_socket(unique_fd fd) : fd_(std::move(fd)) { set_no_delay(fd_.value()); }

result<frame_socket> frame_socket::connect_to(const socket_address& target) {
  unique_fd fd(socket(raw(target)->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || (connect(fd.value(), raw(target), target.length) != 0 && errno != EINPROGRESS))
    return fail(errc::unavailable, "{}", std::strerror(errno));
  return frame_socket(std::move(fd));
}

void frame_socket::lose(std::string reason) {
  if (lost_.empty()) lost_ = std::move(reason);
  out_.clear();
}

void frame_socket::send(frame_type type, byte_span payload) {
  if (lost() || !is_open()) return;
  const auto bytes = byte_writer()
                         .number(static_cast<uint32_t>(payload.size()))
                         .number(static_cast<uint8_t>(type))
                         .raw(payload)
                         .take();
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  if (out_.size() > max_unsent_bytes) return lose("the other side does not read");
  flush();
}

void frame_socket::flush() {
  while (!out_.empty() && !lost() && is_open()) {
    const auto sent = ::send(fd(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      out_.erase(out_.begin(), out_.begin() + sent);
      continue;
    }
    // Frames that the other side sent before it closed are still to be read, so receive() reports
    // the broken connection, after them.
    if (errno == EPIPE || errno == ECONNRESET)
      out_.clear();
    else if (!would_block(errno))
      lose(std::strerror(errno));
    return;
  }
}

std::vector<frame> frame_socket::receive(uint32_t limit_bytes) {
  constexpr size_t header_bytes = 5;
  std::vector<frame> frames;
  while (!lost() && is_open()) {
    std::byte chunk[16 * 1024];
    const auto got = recv(fd(), chunk, sizeof chunk, 0);
    if (got < 0 && would_block(errno)) break;
    if (got <= 0) {
      lose(got == 0 ? "the connection was closed" : std::strerror(errno));
      break;
    }
    in_.insert(in_.end(), chunk, chunk + got);
    size_t start = 0;
    while (in_.size() - start >= header_bytes) {
      byte_reader reader(byte_span(in_).subspan(start));
      const auto length = reader.number<uint32_t>();
      const auto type = static_cast<frame_type>(reader.number<uint8_t>());
      if (length > limit_bytes) {
        lose("it sent something that is not the protocol");
        break;
      }
      if (in_.size() - start - header_bytes < length) break;
      const auto payload = reader.raw(length);
      frames.push_back({type, byte_vector(payload.begin(), payload.end())});
      start += header_bytes + length;
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(start));
  }
  return frames;
}

void frame_socket::finish_sending() {
  flush();
  if (is_open()) shutdown(fd(), SHUT_WR);
}

} // namespace troupe::reduction
