#include "wire/frame.hpp"

#include "wire/control.capnp.h"

#include <doctest/doctest.h>

#include <limits>
#include <thread>

using namespace troupe;
using namespace troupe::wire;

namespace {

frame<MetricReport> sample() {
  return frame<MetricReport>::build([](MetricReport::Builder report) {
    report.setJobId(7);
    auto points = report.initPoints(2);
    points[0].setTag("loss");
    points[0].setValue(std::numeric_limits<double>::infinity());
    points[1].setTag("accuracy");
    points[1].setValue(0.5);
  });
}

} // namespace

TEST_CASE("a frame comes back from its bytes as it was, infinity included") {
  auto original = sample();
  auto again = frame<MetricReport>::parse(original.str());
  REQUIRE(again);
  CHECK((*again)->getJobId() == 7);
  CHECK((*again)->getPoints().size() == 2);
  CHECK((*again)->getPoints()[0].getValue() == std::numeric_limits<double>::infinity());
  CHECK(again->str() == original.str());
}

TEST_CASE("every truncation and every flipped byte is either refused or a sane message") {
  const auto whole = sample().str();
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(frame<MetricReport>::parse(std::string_view(whole).substr(0, size)));
  for (size_t at = 0; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    if (auto parsed = frame<MetricReport>::parse(damaged)) {
      for (auto point : (*parsed)->getPoints())
        CHECK(point.getTag().size() <= whole.size());
    }
  }
}

TEST_CASE("a message that refers to itself is refused") {
  // Root struct whose first pointer is a struct pointer back to the root: one segment of two words.
  const unsigned char loop[] = {0, 0, 0, 0, 2,    0,    0,    0,    0, 0, 0, 0,
                                0, 0, 1, 0, 0xf8, 0xff, 0xff, 0xff, 0, 0, 1, 0};
  CHECK_FALSE(frame<Order>::parse(std::as_bytes(std::span(loop))));
  // A type without pointers: the loop is in a field that this version does not know.
  CHECK_FALSE(frame<AttemptRef>::parse(std::as_bytes(std::span(loop))));
}

TEST_CASE("bytes that follow the end of a message are refused") {
  CHECK_FALSE(frame<MetricReport>::parse(sample().str() + std::string(8, '\0')));
}

TEST_CASE("parse keeps aligned bytes where they are, and copies others") {
  const auto received = shared_bytes::copy(sample().str());
  auto in_place = frame<MetricReport>::parse(received);
  REQUIRE(in_place);
  CHECK(in_place->bytes().data() == received.data());
  CHECK(in_place->shared().data() == received.data());

  const auto shifted = shared_bytes::copy(" " + sample().str());
  auto copied = frame<MetricReport>::parse(
      shared_bytes(std::make_shared<const shared_bytes>(shifted), shifted.span().subspan(1)));
  REQUIRE(copied);
  CHECK(copied->str() == in_place->str());
}

TEST_CASE("a part reads a struct inside a frame without a copy, and keeps its message") {
  part<Launch> launch;
  {
    auto order = frame<Order>::build([](Order::Builder building) {
      building.initLaunch().setJobName("projects/p/locations/l/customJobs/7");
    });
    launch = part<Launch>(order, order->getLaunch());
    CHECK(launch->getJobName().begin() == order->getLaunch().getJobName().begin());
  }
  CHECK(view(launch->getJobName()) == "projects/p/locations/l/customJobs/7");
  CHECK(part<MetricReport>(sample())->getJobId() == 7);
  CHECK(part<MetricReport>()->getJobId() == 0);
}

TEST_CASE("with() copies, and the original stays") {
  auto original = sample();
  auto changed = original.with([](MetricReport::Builder report) { report.setJobId(8); });
  CHECK(original->getJobId() == 7);
  CHECK(changed->getJobId() == 8);
  CHECK(changed->getPoints().size() == 2);
}

TEST_CASE("a frame can be read forever and from several threads") {
  auto shared = sample();
  auto read = [shared] {
    double sum = 0;
    for (int round = 0; round < 20000; ++round)
      sum += shared->getPoints()[1].getValue();
    CHECK(sum == 10000);
  };
  std::thread first(read), second(read);
  first.join();
  second.join();
}
