#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>

using namespace troupe::cli;

TEST_CASE("text is coloured only when the console has colours") {
  test_console console;
  CHECK(console.at.painted(tone::bad, "x") == "x");
  console.at.colour = true;
  CHECK(console.at.painted(tone::bad, "x") == "\x1b[31mx\x1b[0m");
  CHECK(console.at.painted(tone::plain, "x") == "x");
  CHECK(tone_of("JOB_STATE_SUCCEEDED") == tone::good);
  CHECK(tone_of("INFEASIBLE") == tone::bad);
  CHECK(tone_of("JOB_STATE_PENDING") == tone::dim);
}

TEST_CASE("a live block is drawn over itself and never longer than the terminal") {
  std::ostringstream out;
  live_block block(out, [] { return terminal_size{.columns = 5, .rows = 4}; });
  block.show({"one", "much too long"});
  CHECK(out.str() == "one\x1b[K\nmuch…\x1b[K\n\x1b[J");
  out.str("");
  block.show({"a", "b", "c", "d", "e"});
  CHECK(out.str() == "\x1b[2A\ra\x1b[K\nb\x1b[K\n... and 3 more lines\x1b[K\n\x1b[J");
}
