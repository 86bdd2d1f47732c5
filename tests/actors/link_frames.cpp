#include "actors/link_frames.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

wire::frame<wire::Report> report() {
  return wire::frame<wire::Report>::build([](wire::Report::Builder building) {
    building.setNode("a");
    building.initMetrics().setJobId(7);
  });
}

/// What a controller reads.
struct reader {
  result<> read(const link::frame& arrived) {
    return handle_frame<wire::Report, wire::LogChunk>(
        arrived, [this](const auto& message, uint64_t correlation) { keep(message, correlation); });
  }

  void keep(const wire::frame<wire::Report>& message, uint64_t) { reports.push_back(message); }
  void keep(const wire::frame<wire::LogChunk>&, uint64_t correlation) {
    answered.push_back(correlation);
  }

  std::vector<wire::frame<wire::Report>> reports;
  std::vector<uint64_t> answered;
};

} // namespace

TEST_CASE("a message becomes a link frame and a message again without a copy") {
  const auto sent = report();
  const auto frame = link_frame(sent);
  CHECK(frame.payload.data() == sent.bytes().data());

  reader controller;
  REQUIRE(controller.read(frame));
  REQUIRE(controller.reports.size() == 1);
  CHECK(controller.reports[0].bytes().data() == sent.bytes().data());
  CHECK(controller.reports[0]->getMetrics().getJobId() == 7);
}

TEST_CASE("an answer keeps the number of its request") {
  reader controller;
  REQUIRE(controller.read(link_frame(wire::frame<wire::LogChunk>(), 42)));
  CHECK(controller.answered == std::vector<uint64_t>{42});
}

TEST_CASE("a frame of a kind that this end does not take is an error that says so") {
  reader controller;
  auto order = controller.read(link_frame(wire::frame<wire::Order>()));
  REQUIRE_FALSE(order);
  CHECK(order.error().message
        == "a frame of unknown kind 1; run the same version of troupe on both sides");
  auto later = link_frame(report());
  later.kind = 77;
  CHECK_FALSE(controller.read(later));
  CHECK(controller.reports.empty());
}

TEST_CASE("a damaged payload is an error and reaches nobody") {
  auto damaged = report().str();
  damaged[8] = static_cast<char>(damaged[8] ^ 0xff);
  reader controller;
  auto outcome =
      controller.read({static_cast<uint16_t>(frame_kind::report), 0, shared_bytes::copy(damaged)});
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::data_loss);
  CHECK(outcome.error().message.starts_with("a damaged frame of kind 3: "));
  CHECK(controller.reports.empty());
}
