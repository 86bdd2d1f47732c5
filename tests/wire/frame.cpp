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
  auto parsed = frame<ToAgent>::parse(std::as_bytes(std::span(loop)));
  if (parsed) CHECK((*parsed).bytes().size() <= 64 * 64);
}

TEST_CASE("with() copies, and the original stays") {
  auto original = sample();
  auto changed = original.with([](MetricReport::Builder report) { report.setJobId(8); });
  CHECK(original->getJobId() == 7);
  CHECK(changed->getJobId() == 8);
  CHECK(changed->getPoints().size() == 2);
}

TEST_CASE("a frame can be read for ever and from several threads") {
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
