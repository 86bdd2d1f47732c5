#include "link/link.hpp"
#include "tests/link/harness.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace troupe;
using namespace troupe::link;

namespace {

size_t threads_now() {
  size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    ++n;
  return n;
}

/// The kernel lists a joined thread for a moment longer, so the count is given time to come down to
/// the test's own.
bool only_this_thread_is_left() {
  for (auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
       std::chrono::steady_clock::now() < end; std::this_thread::yield())
    if (threads_now() == 1) return true;
  return false;
}

} // namespace

TEST_CASE("a peer joins with its name and hello, and gets the welcome") {
  listener l;
  dialler d(l.address());
  REQUIRE(d.welcomes.wait(1));
  CHECK(l.joined.all() == std::vector<std::string>{"agent: hello"});
  CHECK(d.welcomes.all() == std::vector<std::string>{"welcome agent: hello"});
  CHECK(d.peer()->peer_name() == "controller");
  CHECK(l.turned_away.size() == 0);
}

TEST_CASE("frames arrive both ways, whole and in order") {
  listener l;
  l.echo = true;
  dialler d(l.address());
  REQUIRE(d.welcomes.wait(1));
  std::vector<std::string> sent;
  for (int i = 0; i < 5000; ++i)
    sent.push_back(i == 7 ? "" : fmt::format("frame {}", i));
  for (const auto& text : sent)
    d.peer()->send(frame_of(text));
  REQUIRE(d.received.wait(sent.size()));
  CHECK(l.received.all() == sent);
  CHECK(d.received.all() == sent);
}

TEST_CASE("large frames arrive, and small ones around them keep their place") {
  listener l;
  l.echo = true;
  dialler d(l.address());
  REQUIRE(d.welcomes.wait(1));
  std::vector<std::string> expected;
  for (size_t size : {size_t{300} << 10, size_t{20} << 20, size_t{64} << 20}) {
    d.peer()->send(frame_of(std::string(size, 'x')));
    d.peer()->send(frame_of(fmt::format("after {}", size)));
    expected.push_back(std::to_string(size));
    expected.push_back(fmt::format("after {}", size));
  }
  REQUIRE(d.received.wait(expected.size()));
  CHECK(d.received.all() == expected);
}

TEST_CASE("the content of a large frame is the same on the other side") {
  std::vector<std::byte> content(3'000'001);
  for (size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<std::byte>(i * 2654435761u >> 13);
  std::atomic<int> same = 0;
  record received;
  server_events on;
  on.joined = [](auto, auto) -> result<shared_bytes> { return shared_bytes::copy(""); };
  on.received = [&](session&, frame arrived) {
    same += std::ranges::equal(arrived.payload.span(), content);
    received.add("");
  };
  on.closed = [](session&, error) {};
  auto end = server::listen("127.0.0.1:0", identity_of(ours(), "controller"), on, quick());
  REQUIRE(end);
  dialler d(fmt::format("127.0.0.1:{}", (*end)->port()));
  REQUIRE(d.welcomes.wait(1));
  d.peer()->send({.payload = shared_bytes::copy(content)});
  REQUIRE(received.wait(1));
  CHECK(same == 1);
}

TEST_CASE("a frame arrives with the kind and the correlation that it was sent with") {
  record received;
  server_events on;
  on.joined = [](auto, auto) -> result<shared_bytes> { return shared_bytes(); };
  on.received = [&](session&, frame arrived) {
    received.add(
        fmt::format("{} {} {}", arrived.kind, arrived.correlation, arrived.payload.text()));
  };
  on.closed = [](session&, error) {};
  auto end = server::listen("127.0.0.1:0", identity_of(ours(), "controller"), on, quick());
  REQUIRE(end);
  dialler d(fmt::format("127.0.0.1:{}", (*end)->port()));
  REQUIRE(d.welcomes.wait(1));
  d.peer()->send({65535, ~uint64_t{0}, shared_bytes::copy("last")});
  d.peer()->send({});
  REQUIRE(received.wait(2));
  CHECK(received.all()[0] == "65535 18446744073709551615 last");
  CHECK(received.all()[1] == "0 0 ");
}

TEST_CASE("what the server sends while it lets a peer in comes after the welcome") {
  listener l;
  l.admit = [](std::shared_ptr<session> peer, shared_bytes) -> result<shared_bytes> {
    for (int i = 0; i < 10; ++i)
      peer->send(frame_of(fmt::format("early {}", i)));
    return shared_bytes(); // go on as usual
  };
  record order;
  client_events on;
  on.welcome = [&](auto, auto) { order.add("welcome"); };
  on.received = [&](session&, frame arrived) { order.add(std::string(arrived.payload.text())); };
  on.closed = [](session&, error) {};
  auto end = client::dial(
      l.address(), "controller", identity_of(ours(), "agent"),
      [] { return shared_bytes::copy(""); }, on);
  REQUIRE(end);
  REQUIRE(order.wait(11));
  CHECK(order.all().front() == "welcome");
  CHECK(order.all().back() == "early 9");
}

TEST_CASE("a refusal reaches the peer with its code and words, and it dials again") {
  listener l;
  std::atomic<int> asked = 0;
  l.admit = [&](auto, auto) -> result<shared_bytes> {
    if (++asked < 3) return fail(errc::failed_precondition, "cluster is called prod, not test");
    return shared_bytes();
  };
  dialler d(l.address());
  REQUIRE(d.welcomes.wait(1));
  REQUIRE(d.failed.size() == 2);
  CHECK(d.failed.all()[0].starts_with("FAILED_PRECONDITION"));
  CHECK(d.failed.all()[0].find("cluster is called prod, not test") != std::string::npos);
  CHECK(d.failed.all()[0].find(l.address()) != std::string::npos);
  CHECK(l.turned_away.wait_for_entry_with("cluster is called prod"));
  CHECK(l.closed.size() == 0);
  CHECK(l.turned_away.size() == 2); // one line each
}

TEST_CASE("close delivers what was sent before it, and its reason") {
  listener l;
  dialler d(l.address());
  REQUIRE(d.welcomes.wait(1));
  auto peer = l.peer();
  for (int i = 0; i < 1000; ++i)
    peer->send(frame_of(std::to_string(i)));
  peer->close("the node is drained");
  peer->send(frame_of("too late"));
  REQUIRE(d.closed.wait(1));
  CHECK(d.closed.all()[0] == "controller ended the session: the node is drained");
  CHECK(d.received.size() == 1000);
  REQUIRE(l.closed.wait(1));
  CHECK(l.closed.all()[0] == "the node is drained");
  REQUIRE(d.welcomes.wait(2)); // and it comes back
  CHECK(l.closed.size() == 1);
}

TEST_CASE("a frame over the limit of the sender closes its session with the reason") {
  listener l;
  auto bounds = quick();
  bounds.frame_bytes_max = 1000;
  dialler d(l.address(), bounds);
  REQUIRE(d.welcomes.wait(1));
  d.peer()->send(frame_of(std::string(1000, 'x')));
  d.peer()->send(frame_of(std::string(1001, 'x')));
  REQUIRE(d.closed.wait(1));
  CHECK(d.closed.all()[0] == "a frame of 1001 bytes for controller is over the limit of 1000");
  REQUIRE(l.closed.wait(1)); // flushed first, so nothing more can come
  CHECK(l.received.all() == std::vector<std::string>{"1000"});
}

TEST_CASE("a frame over the limit of the receiver closes that session and no other") {
  auto small = quick();
  small.frame_bytes_max = 1 << 20;
  listener l(small);
  dialler good(l.address(), quick(), "other");
  REQUIRE(good.welcomes.wait(1));
  auto good_side = l.peer();
  dialler bad(l.address());
  REQUIRE(bad.welcomes.wait(1));
  size_t size = 0;
  SUBCASE("by a little") { size = (1 << 20) + 1; }
  SUBCASE("by far, so that it is not even read") { size = 40 << 20; }
  bad.peer()->send(frame_of(std::string(size, 'x')));
  REQUIRE(bad.closed.wait(1));
  REQUIRE(l.closed.wait(1));
  INFO(l.closed.all()[0], " / ", bad.closed.all()[0]);
  CHECK(l.closed.all()[0].find("agent") != std::string::npos);
  CHECK((l.closed.all()[0].find("over the limit of 1048576") != std::string::npos
         || l.closed.all()[0].find("too large") != std::string::npos));
  CHECK(l.received.size() == 0);
  good.peer()->send(frame_of("still here"));
  CHECK(l.received.wait_for_entry_with("still here"));
  CHECK(good.closed.size() == 0);
}

TEST_CASE("sends from many threads all arrive, each thread's in order") {
  listener l;
  dialler d(l.address());
  REQUIRE(d.welcomes.wait(1));
  auto peer = d.peer();
  std::vector<std::thread> senders;
  for (int t = 0; t < 4; ++t)
    senders.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i)
        peer->send(frame_of(fmt::format("{}:{:04}", t, i)));
    });
  for (auto& sender : senders)
    sender.join();
  REQUIRE(l.received.wait(4000));
  std::vector<std::string> last(4);
  int disorder = 0;
  for (const auto& text : l.received.all()) {
    auto& before = last.at(static_cast<size_t>(text[0] - '0'));
    disorder += text <= before;
    before = text;
  }
  CHECK(disorder == 0);
}

TEST_CASE("more sessions than allowed are refused until one ends") {
  auto bounds = quick();
  bounds.sessions_max = 1;
  listener l(bounds);
  auto first = std::make_unique<dialler>(l.address(), quick(), "other");
  REQUIRE(first->welcomes.wait(1));
  dialler second(l.address());
  REQUIRE(second.failed.wait(1));
  CHECK(second.failed.all()[0].find("all 1 sessions are taken") != std::string::npos);
  first.reset();
  CHECK(second.welcomes.wait(1));
}

TEST_CASE("destruction with traffic in flight ends soon, tells, and leaves no thread") {
  REQUIRE(only_this_thread_is_left());
  for (bool server_first : {true, false}) {
    CAPTURE(server_first);
    listener l;
    l.echo = true;
    auto d = std::make_unique<dialler>(l.address());
    REQUIRE(d->welcomes.wait(1));
    auto kept = d->peer();
    for (int i = 0; i < 200; ++i)
      kept->send(frame_of(std::string(100'000, 'x')));
    REQUIRE(l.received.wait(1));
    if (server_first) {
      l.end.reset();
      CHECK(l.closed.all() == std::vector<std::string>{"the server ends"});
      REQUIRE(d->closed.wait(1));
    }
    d->end.reset();
    CHECK(d->closed.size() == 1);
    kept->send(frame_of("to nobody")); // a handle outlives its link
    kept->close("again");
    if (!server_first) {
      REQUIRE(l.closed.wait(1));
      CHECK(l.closed.all()[0] == "agent ended the session: the client ends");
    }
  }
  CHECK(only_this_thread_is_left());
}

TEST_CASE("a bad address or identity is an error that says so") {
  auto busy = server::listen("127.0.0.1:0", identity_of(ours(), "controller"), {});
  REQUIRE(busy);
  auto address = fmt::format("127.0.0.1:{}", (*busy)->port());
  auto taken = server::listen(address, identity_of(ours(), "controller"), {});
  REQUIRE(!taken);
  CHECK(taken.error().message.find(address) != std::string::npos);
  CHECK(!server::listen("nonsense:::", identity_of(ours(), "controller"), {}));

  auto missing = server::listen("127.0.0.1:0", identity_of(ours(), "nobody"), {});
  REQUIRE(!missing);
  CHECK(missing.error().message.find("nobody.pem") != std::string::npos);
  auto mixed = identity_of(ours(), "controller");
  mixed.key = identity_of(ours(), "agent").key;
  auto mismatch = server::listen("127.0.0.1:0", mixed, {});
  REQUIRE(!mismatch);
  CHECK(mismatch.error().message.find("do not belong together") != std::string::npos);
  mixed.key = mixed.certificate;
  auto no_key = server::listen("127.0.0.1:0", mixed, {});
  REQUIRE(!no_key);
  CHECK(no_key.error().message.find("no private key") != std::string::npos);
}
