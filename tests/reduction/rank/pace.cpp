#include "reduction/rank/pace.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {
namespace {

// A network that takes `latency_s` and passes one chunk each `chunk_s`: the effect on a window.
void run(pace& pacing, double latency_s, double chunk_s, int results,
         uint32_t chunk_bytes = 65536) {
  for (int i = 0; i < results; ++i)
    pacing.on_result(std::max(latency_s, pacing.window() * chunk_s), chunk_bytes, true);
}

} // namespace

TEST_CASE("a window grows until the links are busy, and not much further") {
  pace far(64);
  run(far, 1e-3, 1e-4, 2000); // ten chunks fit into the way
  CHECK(far.window() >= 10);
  CHECK(far.window() <= 12);
  pace near(64);
  run(near, 2e-4, 1e-4, 2000); // two do
  CHECK(near.window() >= 2);
  CHECK(near.window() <= 3);
}

TEST_CASE("a window never passes its limit, and stays where not even that many are under way") {
  pace narrow(4);
  run(narrow, 1, 1e-6, 1000);
  CHECK(narrow.window() == 4);
  CHECK(pace(1).window() == 1);
  pace idle(64);
  for (int i = 0; i < 1000; ++i)
    idle.on_result(1e-3, 65536, false);
  CHECK(idle.window() == pace::least);
}

TEST_CASE("a window does not shrink for chunks of another size or a late rank") {
  pace pacing(64);
  run(pacing, 1e-3, 1e-4, 2000);
  const auto before = pacing.window();
  // Each window's worth has some that waited for a late rank.
  for (int i = 0; i < 500; ++i)
    pacing.on_result(i % 3 == 0 ? 0.5 : std::max(1e-3, pacing.window() * 1e-4), 65536, true);
  CHECK(pacing.window() + 1 >= before);
  // Shorter ones are quicker, longer ones slower: each size has its own best time.
  run(pacing, 1e-2, 1e-3, 20, 1 << 20);
  CHECK(pacing.window() + 1 >= before);
}

} // namespace troupe::reduction::test
