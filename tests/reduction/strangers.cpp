// A stranger that finds a reducer's port, or UCX's, must have no effect on a running job.
#include "reduction/transport/am_worker.hpp"
#include "tests/reduction/fixture.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <latch>
#include <netinet/in.h>
#include <poll.h>
#include <random>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::reduction::test {
namespace {

sockaddr_in loopback(uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return to;
}

unique_fd begin_to_connect(uint16_t port) {
  unique_fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto to = loopback(port);
  static_cast<void>(connect(fd.value(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
  return fd;
}

// Nothing, where the port does not answer in time.
unique_fd connect_plain(uint16_t port, milliseconds patience = milliseconds(5000)) {
  auto fd = begin_to_connect(port);
  pollfd connected{fd.value(), POLLOUT, 0};
  int problem = 0;
  socklen_t length = sizeof problem;
  if (poll(&connected, 1, static_cast<int>(patience.count())) == 0) return {};
  if (getsockopt(fd.value(), SOL_SOCKET, SO_ERROR, &problem, &length) != 0 || problem != 0)
    return {};
  fcntl(fd.value(), F_SETFL, 0);
  return fd;
}

std::string garbage_of(std::mt19937& random, size_t length) {
  std::string out(length, '\0');
  for (auto& each : out)
    each = static_cast<char>(random());
  return out;
}

void say(const unique_fd& to, std::string_view text) {
  static_cast<void>(send(to.value(), text.data(), text.size(), MSG_NOSIGNAL));
}

// Ports this process listens on, which include those that UCX opened by itself.
std::set<uint16_t> listening_ports() {
  std::set<std::string> inodes;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const auto target = std::filesystem::read_symlink(entry.path(), ignored).string();
    if (target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
  }
  std::set<uint16_t> ports;
  std::ifstream table("/proc/self/net/tcp");
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream in(line);
    std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    in >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout
        >> inode;
    constexpr auto listening = "0A";
    if (state == listening && inodes.contains(inode))
      ports.insert(
          static_cast<uint16_t>(std::stoul(local.substr(local.find(':') + 1), nullptr, 16)));
  }
  return ports;
}

// Troupe's listeners send a challenge to every caller; UCX's send nothing first.
bool is_handshake_listener(uint16_t port) {
  const auto fd = connect_plain(port, milliseconds(50));
  if (!fd) return false;
  const timeval patience{5, 0};
  setsockopt(fd.value(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char header[5];
  return recv(fd.value(), header, sizeof header, MSG_WAITALL) == sizeof header
         && header[4] == static_cast<char>(frame_type::challenge);
}

// All that were opened since `before`, but the reducers' ports and that of rank 0's hub. Jobs of
// other tests may have left UCX's listeners behind, see am_worker::abandon.
std::set<uint16_t> ports_of_ucx(const reducer_threads& tier, const std::set<uint16_t>& before) {
  auto ports = listening_ports();
  for (const auto port : before)
    ports.erase(port);
  ports.erase(tier.port(0));
  ports.erase(tier.port(1));
  CHECK(std::erase_if(ports, is_handshake_listener) == 1);
  CHECK(ports.size() >= 4); // two reducers, two ranks
  return ports;
}

/// Runs two ranks that all-reduce until `meanwhile` is done, and checks every result.
void check_job_unharmed(reducer_threads& tier, const std::function<void()>& meanwhile) {
  std::atomic<bool> done = false;
  std::latch running(2);
  std::jthread strangers([&] {
    running.wait();
    meanwhile();
    done = true;
  });
  on_ranks(tier.list(), 2, [&](troupe_comm* comm, uint32_t rank) {
    std::vector<float> values(30'000);
    for (int round = 0;; ++round) {
      values.assign(values.size(), static_cast<float>(rank + 1));
      // Ranks agree on the end: the array's last element shows whether both have seen it.
      values.back() = done ? 1 : 0;
      REQUIRE(troupe_allreduce(comm, values.data(), values.data(), values.size(), TROUPE_FLOAT32,
                               TROUPE_SUM, TROUPE_HOST)
              == TROUPE_OK);
      if (round == 0) running.count_down();
      CHECK(values.front() == 3);
      CHECK(values[values.size() - 2] == 3);
      if (values.back() == 2) break;
    }
  });
  CHECK(tier.outcome(0));
  CHECK(tier.outcome(1));
}

} // namespace

TEST_CASE("garbage, silence and floods do not harm a running job") {
  reducer_threads tier(2, default_options(2));
  check_job_unharmed(tier, [&] {
    std::mt19937 random(5);
    std::vector<unique_fd> silent;
    for (const auto port : {tier.port(0), tier.port(1)}) {
      for (const size_t length : {1U, 4U, 5U, 8U, 64U, 5000U, 200'000U}) {
        const auto fd = connect_plain(port);
        REQUIRE(fd);
        say(fd, garbage_of(random, length)); // and hangs up at once
      }
      for (int i = 0; i < 20; ++i)
        silent.push_back(connect_plain(port));
      for (const auto& each : silent)
        say(each, "\x05");
    }
    // More than a reducer keeps: the oldest must go, so a newcomer still gets its challenge.
    for (int i = 0; i < 300; ++i)
      silent.push_back(connect_plain(tier.port(0)));
    char magic[13];
    CHECK(recv(silent.back().value(), magic, sizeof magic, MSG_WAITALL) == sizeof magic);
  });
}

TEST_CASE("a listener that another thread opens while a worker is made is not taken for UCX's") {
  for (int round = 0; round < 8; ++round) {
    std::atomic<bool> made = false;
    std::vector<unique_fd> others;
    std::jthread opens([&] {
      while (!made && others.size() < 400) {
        unique_fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (listen(fd.value(), 1) == 0) others.push_back(std::move(fd));
      }
    });
    const auto worker = am_worker::create({"lo"});
    made = true;
    opens.join();
    REQUIRE(worker);
    REQUIRE((*worker)->seal());
    for (const auto& each : others) {
      socklen_t instructions = 0;
      REQUIRE(getsockopt(each.value(), SOL_SOCKET, SO_GET_FILTER, nullptr, &instructions) == 0);
      CHECK(instructions == 0);
    }
  }
}

TEST_CASE("UCX's own ports answer no caller once the job runs") {
  const auto before = listening_ports();
  reducer_threads tier(2, default_options(2));
  check_job_unharmed(tier, [&] {
    for (const auto port : ports_of_ucx(tier, before))
      CHECK(!connect_plain(port, milliseconds(50)));
  });
}

TEST_CASE("the job runs on when UCX's greeting and then garbage is sent to its ports") {
  const auto before = listening_ports();
  reducer_threads tier(2, default_options(2));
  check_job_unharmed(tier, [&] {
    const auto ports = ports_of_ucx(tier, before);
    // Where UCX 1.13 does get this, it ends the process.
    std::mt19937 random(7);
    constexpr uint64_t greeting = 0xCAFEBABE12345678;
    auto words = std::string(reinterpret_cast<const char*>(&greeting), sizeof greeting);
    words += garbage_of(random, 4096);
    std::vector<unique_fd> callers;
    for (const auto port : ports) {
      callers.push_back(begin_to_connect(port));
      // With the greeting in the very first packet, should the kernel allow that.
      callers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const auto to = loopback(port);
      sendto(callers.back().value(), words.data(), words.size(), MSG_NOSIGNAL | MSG_FASTOPEN,
             reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    for (int round = 0; round < 10; ++round)
      for (const auto& each : callers) {
        pollfd writable{each.value(), POLLOUT, 0};
        CHECK(poll(&writable, 1, 5) == 0);
        CHECK(send(each.value(), words.data(), words.size(), MSG_NOSIGNAL) < 0);
      }
  });
}

TEST_CASE("a stranger whose frames look like the protocol is dropped") {
  reducer_threads tier(2, default_options(2));
  check_job_unharmed(tier, [&] {
    const auto framed = [](frame_type type, byte_vector payload) {
      const auto bytes = byte_writer()
                             .number(static_cast<uint32_t>(payload.size()))
                             .number(static_cast<uint8_t>(type))
                             .raw(payload)
                             .take();
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    for (const auto type :
         {frame_type::hello, frame_type::goodbye, frame_type::aborted, frame_type::failed})
      for (const size_t length : {0U, 10U, 40U, 16'000U, 70'000U}) {
        const auto fd = connect_plain(tier.port(1));
        REQUIRE(fd);
        say(fd, framed(type, byte_vector(length, std::byte{1})));
        // The reducer hangs up: the stream ends after the challenge (and a refusal, where it was a
        // hello).
        char rest[4096];
        ssize_t got = 0;
        do
          got = recv(fd.value(), rest, sizeof rest, 0);
        while (got > 0);
        CHECK(got <= 0);
      }
    // A length that would be 4 GiB is dropped on sight.
    const auto fd = connect_plain(tier.port(0));
    say(fd, "\xff\xff\xff\xff\x02");
    char rest[4096];
    ssize_t got = 0;
    do
      got = recv(fd.value(), rest, sizeof rest, 0);
    while (got > 0);
    CHECK(got <= 0);
  });
}

TEST_CASE(
    "a caller with a wrong token, job, attempt, size or rank is refused and the job runs on") {
  reducer_threads tier(2, default_options(2));
  check_job_unharmed(tier, [&] {
    rank_settings right;
    right.reducers = tier.list();
    right.world_size = 2;
    const auto refused = [&](const std::function<void(rank_settings&)>& spoil, troupe_status status,
                             const std::string& part) {
      auto wrong = right;
      spoil(wrong);
      troupe_comm* comm = nullptr;
      CHECK(open_rank(wrong, &comm) == status);
      const std::string said = troupe_last_error();
      CAPTURE(said);
      CHECK(said.find(part) != std::string::npos);
    };
    refused([](auto& s) { s.token = "guess"; }, TROUPE_UNAUTHENTICATED, "token");
    refused([](auto& s) { s.token = ""; }, TROUPE_INVALID_ARGUMENT, "TROUPE_TOKEN");
    refused([](auto& s) { s.job = "job-2"; }, TROUPE_FAILED_PRECONDITION, "serves the job job-1");
    refused([](auto& s) { s.world_size = 3; }, TROUPE_FAILED_PRECONDITION, "size 2, not 3");
    refused([](auto&) {}, TROUPE_ALREADY_EXISTS, "rank 0");
    // A later attempt may be early: it is worth trying again until the deadline.
    refused(
        [](auto& s) {
          s.attempt = 1;
          s.connect_timeout_ms = 1000;
        },
        TROUPE_DEADLINE_EXCEEDED, "attempt 0, not 1");
  });
}

} // namespace troupe::reduction::test
