// Peers without a certificate of our authority, and peers that do not speak the protocol, are
// turned away without any effect on a live session.
#include "tests/link/harness.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <array>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::link;
using namespace std::chrono_literals;

namespace {

/// A plain TCP connection.
struct stranger {
  explicit stranger(uint16_t port) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }
  stranger(const stranger&) = delete;
  ~stranger() { ::close(fd); }

  bool say(std::string_view text) {
    return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  /// True when the other side hangs up within the time.
  bool hung_up(std::chrono::milliseconds within) {
    auto end = std::chrono::steady_clock::now() + within;
    for (;;) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      pollfd ready{fd, POLLIN, 0};
      if (left <= 0ms || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
      std::array<char, 4096> sink;
      if (::recv(fd, sink.data(), sink.size(), 0) <= 0) return true;
    }
  }

  int fd;
};

/// A TLS client of our own making, with or without a certificate.
struct tls_stranger : stranger {
  tls_stranger(uint16_t port, const identity* self, int version_max = TLS1_3_VERSION)
      : stranger(port), context(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, version_max);
    if (self) {
      SSL_CTX_use_certificate_file(context, self->certificate.c_str(), SSL_FILETYPE_PEM);
      SSL_CTX_use_PrivateKey_file(context, self->key.c_str(), SSL_FILETYPE_PEM);
    }
    tls = SSL_new(context);
    SSL_set_fd(tls, fd);
    connected = SSL_connect(tls) == 1;
  }
  ~tls_stranger() {
    SSL_free(tls);
    SSL_CTX_free(context);
  }

  SSL_CTX* context;
  SSL* tls;
  bool connected;
};

limits hasty() {
  auto bounds = quick();
  bounds.handshake = 700ms;
  return bounds;
}

/// A session that must not notice what the strangers do.
struct bystander {
  explicit bystander(const listener& l) : l_(l), d(l.address(), quick(), "other") {
    REQUIRE(d.welcomes.wait(1));
  }
  ~bystander() {
    d.peer()->send(frame_of("unharmed"));
    CHECK(l_.received.wait_for_entry_with("unharmed"));
    CHECK(d.closed.size() == 0);
    CHECK(l_.joined.size() == 1);
  }
  const listener& l_;
  dialler d;
};

} // namespace

TEST_CASE("a certificate of another authority is refused") {
  listener l;
  bystander watch(l);
  SUBCASE("by the client, who sees the server's") {
    dialler d(l.address(), quick(), "agent", theirs());
    REQUIRE(d.failed.wait(2));
    INFO(d.failed.all()[0]);
    CHECK(d.failed.all()[0].starts_with("UNAUTHENTICATED"));
    CHECK(d.failed.all()[0].find("certificate") != std::string::npos);
  }
  SUBCASE("by the server, where the client trusts it") {
    auto self = identity_of(theirs(), "agent");
    self.authority = identity_of(ours(), "agent").authority;
    record failed;
    client_events on;
    on.failed = [&](const error& why) { failed.add(why.message); };
    auto d = client::dial(
        l.address(), "controller", self, [] { return shared_bytes::copy(""); }, on, quick());
    REQUIRE(d);
    CHECK(failed.wait(2));
  }
  CHECK(l.turned_away.wait_for_entry_with("turned away"));
}

TEST_CASE("no certificate is refused") {
  listener l;
  bystander watch(l);
  tls_stranger s(l.end->port(), nullptr);
  CHECK(s.hung_up(20s));
  CHECK(l.turned_away.wait_for_entry_with("certificate"));
}

TEST_CASE("a version of TLS before 1.2 is refused") {
  listener l;
  bystander watch(l);
  auto self = identity_of(ours(), "agent");
  CHECK(!tls_stranger(l.end->port(), &self, TLS1_1_VERSION).connected);
  CHECK(tls_stranger(l.end->port(), &self, TLS1_2_VERSION).connected);
}

TEST_CASE("a certificate for servers only does not let a client in") {
  test::scratch dir;
  REQUIRE(create_authority(dir.path()));
  REQUIRE(issue(dir.path(), "controller", {}, {.may_be = {.server = true, .client = false}}));
  REQUIRE(issue(dir.path(), "agent", {}, {.may_be = {.server = false, .client = true}}));
  listener l(quick(), "127.0.0.1:0", dir.path());
  dialler good(l.address(), quick(), "agent", dir.path());
  CHECK(good.welcomes.wait(1));
  dialler bad(l.address(), quick(), "controller", dir.path());
  CHECK(bad.failed.wait(1));
  CHECK(l.joined.size() == 1);
}

TEST_CASE("a server with another name is refused") {
  listener l;
  bystander watch(l);
  dialler d(l.address(), quick(), "agent", ours(), "other-controller");
  REQUIRE(d.failed.wait(2));
  INFO(d.failed.all()[0]);
  CHECK(d.failed.all()[0].starts_with("UNAUTHENTICATED"));
  CHECK(d.failed.all()[0].ends_with("in the name of other-controller"));
}

TEST_CASE("garbage is turned away at once") {
  listener l;
  bystander watch(l);
  for (std::string text :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(100'000, '\xff'),
        std::string(64, '\0'), std::string("\x16\x03\x01\xff\xff") + std::string(70'000, 'a')}) {
    stranger s(l.end->port());
    s.say(text);
    CHECK(s.hung_up(20s));
  }
  CHECK(l.turned_away.wait(4));
  for (const auto& line : l.turned_away.all()) {
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.starts_with("127.0.0.1:"));
  }
}

TEST_CASE("garbage inside TLS is turned away") {
  listener l(hasty());
  bystander watch(l);
  auto self = identity_of(ours(), "agent");
  tls_stranger s(l.end->port(), &self);
  REQUIRE(s.connected);
  std::string text(1000, '\xee');
  CHECK(SSL_write(s.tls, text.data(), static_cast<int>(text.size())) == 1000);
  CHECK(s.hung_up(20s));
  CHECK(l.turned_away.wait(1));
}

TEST_CASE("silence is turned away at the deadline") {
  listener l(hasty());
  bystander watch(l);
  stranger silent(l.end->port());
  auto self = identity_of(ours(), "agent");
  tls_stranger never_joins(l.end->port(), &self);
  CHECK(never_joins.connected);
  CHECK(silent.hung_up(20s));
  CHECK(never_joins.hung_up(20s));
  CHECK(l.turned_away.wait(2));
  CHECK(l.turned_away.wait_for_entry_with("did not join within 700 ms"));
}

TEST_CASE("a byte now and then does not put the deadline off") {
  listener l(hasty());
  bystander watch(l);
  stranger loris(l.end->port());
  std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  hello.resize(2000, 'x');
  auto began = std::chrono::steady_clock::now();
  bool over = false;
  // The first 11 bytes are a good beginning; at this pace the hello would take 25 times the
  // deadline.
  for (size_t i = 0; i < 500 && !over; ++i)
    over = !loris.say(hello.substr(i, 1)) || loris.hung_up(35ms);
  CHECK(over);
  CHECK(std::chrono::steady_clock::now() - began < 10s);
}

TEST_CASE("many silent connections push each other out, not the peers") {
  auto bounds = quick();
  bounds.strangers_max = 8;
  bounds.handshake = 60s;
  listener l(bounds);
  bystander watch(l);
  std::vector<std::unique_ptr<stranger>> crowd;
  for (int i = 0; i < 30; ++i)
    crowd.push_back(std::make_unique<stranger>(l.end->port()));
  for (size_t i = 0; i < 22; ++i)
    CHECK(crowd[i]->hung_up(20s));
  CHECK(l.turned_away.wait_for_entry_with("too many connections"));
}
