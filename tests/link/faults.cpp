// Peers that vanish, freeze or restart. The peer is this program again, in a process of its own.
#include "tests/link/harness.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::link;
using namespace std::chrono_literals;

namespace {

class process {
public:
  explicit process(const std::string& address) {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setenv("TROUPE_TEST_ADDRESS", address.c_str(), 1);
      ::setenv("TROUPE_TEST_DIR", ours().c_str(), 1);
      ::execl("/proc/self/exe", "link-tests", "--no-skip", "--test-case=peer process", nullptr);
      ::_exit(127);
    }
    REQUIRE(pid_ > 0);
  }
  process(const process&) = delete;
  ~process() {
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  void signal(int number) { ::kill(pid_, number); }

private:
  pid_t pid_;
};

limits watchful() {
  auto bounds = quick();
  bounds.silence = 600ms;
  return bounds;
}

} // namespace

TEST_CASE("peer process" * doctest::skip()) {
  dialler d(std::getenv("TROUPE_TEST_ADDRESS"), quick(), "agent", std::getenv("TROUPE_TEST_DIR"));
  for (;;)
    ::pause();
}

TEST_CASE("a killed peer is noticed at once, and comes back as a new session") {
  listener l;
  {
    process p(l.address());
    REQUIRE(l.joined.wait(1));
    auto began = std::chrono::steady_clock::now();
    p.signal(SIGKILL);
    REQUIRE(l.closed.wait(1));
    CHECK(std::chrono::steady_clock::now() - began < 3s); // well before the silence of 5 s
    CHECK(l.closed_codes[0] == errc::unavailable);
    CHECK(l.closed.all()[0].find("lost agent") != std::string::npos);
  }
  process again(l.address());
  CHECK(l.joined.wait(2));
}

TEST_CASE("a stopped peer is noticed within the silence, whether or not we send to it") {
  listener l(watchful());
  process p(l.address());
  REQUIRE(l.joined.wait(1));
  auto began = std::chrono::steady_clock::now();
  p.signal(SIGSTOP);
  bool sending = false;
  SUBCASE("idle") {}
  SUBCASE("sending") { sending = true; }
  if (sending)
    for (int i = 0; i < 20; ++i)
      l.peer()->send(frame_of(std::string(1 << 20, 'x')));
  REQUIRE(l.closed.wait(1));
  CHECK(l.closed_codes[0] == errc::deadline_exceeded);
  CHECK(l.closed.all()[0] == "heard nothing from agent for 600 ms");
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  p.signal(SIGCONT); // it finds its session gone, and joins again
  CHECK(l.joined.wait(2));
}

TEST_CASE("a stopped peer does not eat our memory") {
  auto bounds = quick();
  bounds.outgoing_bytes_max = 8 << 20;
  bounds.silence = 60s;
  listener l(bounds);
  process p(l.address());
  REQUIRE(l.joined.wait(1));
  p.signal(SIGSTOP);
  const auto frame = frame_of(std::string(1 << 20, 'x'));
  for (int i = 0; i < 100; ++i)
    l.peer()->send(frame);
  REQUIRE(l.closed.wait(1));
  CHECK(l.closed_codes[0] == errc::resource_exhausted);
  CHECK(l.closed.all()[0] == "agent does not keep up: more than 8388608 bytes wait for it");
}

TEST_CASE("a frozen peer does not hold up the others or the end") {
  listener l;
  process p(l.address());
  REQUIRE(l.joined.wait(1));
  p.signal(SIGSTOP);
  for (int i = 0; i < 20; ++i)
    l.peer()->send(frame_of(std::string(1 << 20, 'x')));
  dialler d(l.address(), quick(), "other");
  REQUIRE(d.welcomes.wait(1));
  d.peer()->send(frame_of("alive"));
  CHECK(l.received.wait_for_entry_with("alive"));
  auto began = std::chrono::steady_clock::now();
  l.end.reset();
  CHECK(std::chrono::steady_clock::now() - began < 3s);
  CHECK(l.closed.size() == 2);
}

TEST_CASE("a client dials until there is a server, and again when it restarts on its port") {
  auto first = std::make_unique<listener>();
  auto address = first->address();
  dialler d(address);
  REQUIRE(d.welcomes.wait(1));
  first.reset();
  REQUIRE(d.closed.wait(1));
  REQUIRE(d.failed.wait(1));
  CHECK(d.failed.all()[0].find(address) != std::string::npos);
  listener second(quick(), address);
  REQUIRE(d.welcomes.wait(2));
  d.peer()->send(frame_of("back"));
  CHECK(second.received.wait_for_entry_with("back"));
}

TEST_CASE("sessions that are idle stay") {
  auto bounds = watchful();
  bounds.silence = 1500ms;
  listener l(bounds);
  dialler d(l.address(), bounds);
  REQUIRE(d.welcomes.wait(1));
  // Nothing to wait for but time: longer than the silence, with nothing sent but heartbeats.
  CHECK(!d.closed.wait_for_entry_with("", 1900ms));
  CHECK(l.closed.size() == 0);
}
