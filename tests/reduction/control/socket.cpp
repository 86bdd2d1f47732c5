#include "reduction/control/socket.hpp"

#include "tests/reduction/control/wires.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>

namespace troupe::reduction::test {
namespace {

std::vector<frame> receive_until(frame_socket& from, const std::function<bool(size_t)>& enough,
                                 uint32_t limit_bytes = max_frame_bytes) {
  std::vector<frame> out;
  for (int i = 0; i < 1'000'000 && !enough(out.size()) && !from.lost(); ++i)
    for (auto& each : from.receive(limit_bytes))
      out.push_back(std::move(each));
  return out;
}

void send_raw(const frame_socket& to, byte_span bytes) {
  REQUIRE(::send(to.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL)
          == static_cast<ssize_t>(bytes.size()));
}

} // namespace

TEST_CASE("addresses are read strictly") {
  CHECK(*parse_host_port("10.0.0.1:80") == host_port{"10.0.0.1", 80});
  CHECK(*parse_host_port("[fd00::2]:65535") == host_port{"fd00::2", 65535});
  CHECK(parse_host_port("[fd00::2]:65535")->text() == "[fd00::2]:65535");
  for (const auto* const bad :
       {"", "host", "host:", ":1", "host:65536", "host:1x", "fd00::2:1", "host:-1"})
    CHECK(parse_host_port(bad).error().code == errc::invalid_argument);
  CHECK(parse_host_ports("a:1,b:2")->size() == 2);
  CHECK(!parse_host_ports("a:1,"));
}

TEST_CASE("frames arrive whole and in order, however their bytes are cut") {
  wire between;
  byte_writer bytes;
  for (const auto type : {frame_type::missing, frame_type::progress})
    bytes.number(uint32_t{3}).number(static_cast<uint8_t>(type)).raw(byte_vector(3, std::byte{9}));
  const auto both = bytes.take();
  std::vector<frame> got;
  for (const auto& each : both) {
    send_raw(between.there, {&each, 1});
    for (auto& frame : between.here.receive())
      got.push_back(std::move(frame));
  }
  for (auto& frame :
       receive_until(between.here, [&](size_t more) { return got.size() + more == 2; }))
    got.push_back(std::move(frame));
  REQUIRE(got.size() == 2);
  CHECK(got[0].type == frame_type::missing);
  CHECK(got[1].type == frame_type::progress);
  CHECK(got[1].payload == byte_vector(3, std::byte{9}));
}

TEST_CASE("a frame that is longer than allowed loses the connection") {
  wire between;
  between.there.send(frame_type::missing, byte_vector(100));
  CHECK(receive_until(
            between.here, [](size_t) { return false; }, 99)
            .empty());
  CHECK(between.here.lost());
  CHECK(between.here.lost_reason() == "it sent something that is not the protocol");
}

TEST_CASE("frames that were sent before the end are received, and then the connection is lost") {
  wire between;
  between.there.send(frame_type::goodbye);
  between.there.finish_sending();
  const auto got = receive_until(between.here, [](size_t) { return false; });
  REQUIRE(got.size() == 1);
  CHECK(got[0].type == frame_type::goodbye);
  CHECK(between.here.lost_reason() == "the connection was closed");
}

TEST_CASE("a peer that reads nothing loses its connection and takes no memory without bound") {
  wire between;
  for (int i = 0; i < 10'000 && !between.here.lost(); ++i)
    between.here.send(frame_type::roster, byte_vector(64 * 1024));
  CHECK(between.here.lost_reason() == "the other side does not read");
  CHECK(!between.here.has_output());
}

TEST_CASE("an address that another socket listens on is refused by name") {
  const auto first = listen_on({"127.0.0.1", 0});
  REQUIRE(first);
  const host_port taken{"127.0.0.1", local_address(first->value()).port()};
  const auto second = listen_on(taken);
  REQUIRE(!second);
  CHECK(second.error().code == errc::unavailable);
  CHECK(second.error().message.starts_with("cannot listen on " + taken.text()));
}

TEST_CASE("the loopback is reached through its own interface") {
  const auto target = resolve({"127.0.0.5", 1});
  REQUIRE(target);
  CHECK(*interface_toward(*target) == "lo");
}

} // namespace troupe::reduction::test
