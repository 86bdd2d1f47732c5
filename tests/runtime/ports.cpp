#include "runtime/ports.hpp"

#include "base/descriptor.hpp"
#include "wire/frame.hpp"

#include <doctest/doctest.h>

#include <netinet/in.h>
#include <sys/socket.h>

using namespace troupe;

namespace {

using endpoint_frame = wire::frame<wire::PoolPlacement::Endpoint>;

endpoint_frame endpoint(const char* host, uint16_t port) {
  return endpoint_frame::build([&](wire::PoolPlacement::Endpoint::Builder made) {
    made.setNode("node-1");
    made.setHost(host);
    made.setPort(port);
  });
}

/// A port of the loopback interface that this process listens on.
struct listener {
  listener() {
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    REQUIRE(bind(fd.value(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd.value(), 1) == 0);
    REQUIRE(getsockname(fd.value(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }

  unique_fd fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  uint16_t port = 0;
};

} // namespace

TEST_CASE("a port on which a process listens is unavailable, and the error names port and node") {
  listener taken;
  for (auto host : {"127.0.0.1", "a-host-by-name"}) {
    auto checked = runtime::check_port(*endpoint(host, taken.port));
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::unavailable);
    CHECK(checked.error().message.find(std::to_string(taken.port)) != std::string::npos);
    CHECK(checked.error().message.find("node-1") != std::string::npos);
  }
}

TEST_CASE("a port of an address that is not this node's is not checked") {
  listener taken;
  CHECK(runtime::check_port(*endpoint("192.0.2.1", taken.port)));
}

TEST_CASE("a replica without a port needs none") {
  CHECK(runtime::check_port(*endpoint("127.0.0.1", 0)));
}
