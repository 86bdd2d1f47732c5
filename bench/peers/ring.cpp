#include "bench/peers/ring.hpp"

#include "bench/peers/meeting.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::bench {

namespace {

std::unexpected<error> broken(const char* call) {
  return fail(errc::unavailable, "ring: {}: {}", call, strerror(errno));
}

sockaddr_in ipv4(const std::string& address, uint16_t port) {
  sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  return at;
}

result<> prepare(int socket) {
  int on = 1;
  if (setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0
      || fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK) != 0)
    return broken("cannot set up a socket");
  return {};
}

result<int> listen_and_publish(const membership& member) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = ipv4(member.address, 0);
  socklen_t length = sizeof at;
  auto* bound = reinterpret_cast<sockaddr*>(&at);
  if (listener < 0 || bind(listener, bound, sizeof at) != 0 || listen(listener, 1) != 0
      || getsockname(listener, bound, &length) != 0)
    return broken(("cannot listen on " + member.address).c_str());
  auto text = fmt::format("{} {}", member.address, ntohs(at.sin_port));
  if (auto told = publish(member.meeting, fmt::format("ring-{}", member.rank), text); !told)
    return std::unexpected(told.error());
  return listener;
}

result<int> connect_to(const membership& member, uint32_t rank) {
  auto text = look_up(member.meeting, fmt::format("ring-{}", rank));
  if (!text) return std::unexpected(text.error());
  auto space = text->find(' ');
  auto at = ipv4(text->substr(0, space), static_cast<uint16_t>(std::stoi(text->substr(space + 1))));
  int connected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connected < 0 || connect(connected, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    return broken(("cannot connect to " + *text).c_str());
  return connected;
}

// One all-reduce. A rank sends in step s what it received in step s - 1, so the sent bytes
// may follow the received ones at any distance: no step waits for another, nor for a whole segment.
class ring_pass {
public:
  ring_pass(std::span<float> array, std::vector<float>& arrived, uint32_t rank, uint32_t world)
      : array_(array), arrived_(arrived), rank_(rank), world_(world) {
    receiving_ = cursor{.segment = previous(rank)};
    sending_ = cursor{.segment = rank};
    ready_ = segment_bytes(rank);
  }

  result<> run(int next, int previous);

private:
  struct cursor {
    uint32_t step = 0;
    uint32_t segment = 0;
    size_t moved = 0; // bytes of the segment
  };

  uint32_t steps() const { return 2 * (world_ - 1); }
  uint32_t previous(uint32_t rank) const { return (rank + world_ - 1) % world_; }
  size_t first_of(uint32_t segment) const { return array_.size() * segment / world_; }
  size_t segment_bytes(uint32_t segment) const {
    return (first_of(segment + 1) - first_of(segment)) * sizeof(float);
  }
  std::byte* bytes_of(uint32_t segment) {
    return reinterpret_cast<std::byte*>(array_.data() + first_of(segment));
  }
  void skip_finished(cursor& at) const {
    while (at.step < steps() && at.moved == segment_bytes(at.segment))
      at = cursor{.step = at.step + 1, .segment = previous(at.segment)};
  }
  result<bool> send_some(int next);
  result<bool> receive_some(int previous);
  void add(size_t from, size_t to);

  std::span<float> array_;
  std::vector<float>& arrived_;
  uint32_t rank_, world_;
  cursor sending_, receiving_;
  uint64_t ready_ = 0; // bytes that may be sent, of which...
  uint64_t sent_ = 0;  // ...these were
};

// How much is taken from a socket before it is summed and may go on: small enough for the cache.
constexpr size_t block_bytes = 128 << 10;

result<bool> ring_pass::send_some(int next) {
  skip_finished(sending_);
  if (sending_.step == steps() || sent_ == ready_) return false;
  size_t most =
      std::min<uint64_t>(segment_bytes(sending_.segment) - sending_.moved, ready_ - sent_);
  ssize_t count = send(next, bytes_of(sending_.segment) + sending_.moved, most, MSG_NOSIGNAL);
  if (count < 0) {
    if (errno == EAGAIN) return false;
    return broken("cannot send to the next rank");
  }
  sending_.moved += static_cast<size_t>(count);
  sent_ += static_cast<uint64_t>(count);
  return true;
}

// Adds what arrived of the current segment, whole elements only.
void ring_pass::add(size_t from, size_t to) {
  float* mine = array_.data() + first_of(receiving_.segment);
  for (size_t i = from / sizeof(float); i < to / sizeof(float); ++i)
    mine[i] += arrived_[i];
}

result<bool> ring_pass::receive_some(int previous) {
  skip_finished(receiving_);
  if (receiving_.step == steps()) return false;
  bool reducing = receiving_.step < world_ - 1;
  auto* target =
      reducing ? reinterpret_cast<std::byte*>(arrived_.data()) : bytes_of(receiving_.segment);
  size_t most = std::min(segment_bytes(receiving_.segment) - receiving_.moved, block_bytes);
  ssize_t count = recv(previous, target + receiving_.moved, most, 0);
  if (count == 0) return fail(errc::unavailable, "ring: the rank before has gone");
  if (count < 0) {
    if (errno == EAGAIN) return false;
    return broken("cannot receive from the rank before");
  }
  size_t from = receiving_.moved & ~(sizeof(float) - 1);
  receiving_.moved += static_cast<size_t>(count);
  size_t to = receiving_.moved & ~(sizeof(float) - 1);
  if (reducing) add(from, to);
  // The segment of the last step is not sent on.
  if (receiving_.step + 1 < steps()) ready_ += to - from;
  return true;
}

result<> ring_pass::run(int next, int previous) {
  while (true) {
    auto received = receive_some(previous);
    if (!received) return std::unexpected(received.error());
    auto sent = send_some(next);
    if (!sent) return std::unexpected(sent.error());
    if (*received || *sent) continue;
    if (receiving_.step == steps() && sending_.step == steps()) return {};
    pollfd waiting[] = {
        {.fd = receiving_.step < steps() ? previous : -1, .events = POLLIN, .revents = 0},
        {.fd = sent_ < ready_ ? next : -1, .events = POLLOUT, .revents = 0}};
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return broken("cannot wait");
  }
}

} // namespace

ring_peer::ring_peer(const membership& member, int next, int previous)
    : rank_(member.rank), world_size_(member.world_size), next_(next), previous_(previous) {}

ring_peer::~ring_peer() {
  if (next_ >= 0) close(next_);
  if (previous_ >= 0) close(previous_);
}

result<std::unique_ptr<ring_peer>> ring_peer::join(const membership& member) {
  if (member.world_size == 1) return std::unique_ptr<ring_peer>(new ring_peer(member, -1, -1));
  auto listener = listen_and_publish(member);
  if (!listener) return std::unexpected(listener.error());
  auto next = connect_to(member, (member.rank + 1) % member.world_size);
  if (!next) return std::unexpected(next.error());
  int previous = accept4(*listener, nullptr, nullptr, SOCK_CLOEXEC);
  close(*listener);
  if (previous < 0) return broken("cannot accept the rank before");
  std::unique_ptr<ring_peer> joined(new ring_peer(member, *next, previous));
  for (int each : {*next, previous})
    if (auto prepared = prepare(each); !prepared) return std::unexpected(prepared.error());
  return joined;
}

result<> ring_peer::allreduce(std::span<float> array) {
  if (world_size_ == 1) return {};
  if (arrived_.size() < array.size() / world_size_ + 1)
    arrived_.resize(array.size() / world_size_ + 1);
  return ring_pass(array, arrived_, rank_, world_size_).run(next_, previous_);
}

} // namespace troupe::bench
