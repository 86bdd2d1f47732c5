#include "reduction/rank/lane_layout.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {
namespace {

// Two reducers of two threads and three ranks: lanes 0 and 1, 2 and 3, 4 to 6.
constexpr lane_layout layout{2, 2, 3};

} // namespace

TEST_CASE("lanes are the reducers' threads first and then the ranks") {
  CHECK(layout.lanes() == 7);
  CHECK(layout.lanes_of(1) == std::vector<uint32_t>{2, 3});
  CHECK(layout.rank_lane(2) == 6);
  CHECK(layout.reducer_of(3) == 1);
  CHECK(!layout.reducer_of(4));
}

TEST_CASE("while all reducers are alive every lane is served at its own place") {
  CHECK(layout.hosts({true, true}) == std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("the lanes of a lost reducer go to the same threads of the next one that is alive") {
  CHECK(layout.hosts({false, true}) == std::vector<uint32_t>{2, 3, 2, 3, 4, 5, 6});
  CHECK(layout.hosts({true, false}) == std::vector<uint32_t>{0, 1, 0, 1, 4, 5, 6});
}

TEST_CASE("without any reducer the ranks serve the lanes in turn") {
  CHECK(layout.hosts({false, false}) == std::vector<uint32_t>{4, 5, 6, 4, 4, 5, 6});
}

} // namespace troupe::reduction::test
