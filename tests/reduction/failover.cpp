// A reducer is lost while ranks work: the job goes on, with the same bits, as long as one reducer
// is left, and without any reducer the ranks combine the arrays themselves.
#include "tests/reduction/fixture.hpp"

#include <doctest/doctest.h>

#include <csignal>

namespace troupe::reduction::test {
namespace {

void await_running(process_tier& tier) {
  for (auto& each : tier.ranks)
    REQUIRE(each.line() == "running");
}

/// Ranks check every bit of every round, and say "wrong" otherwise.
void check_goes_on(process_tier& tier, int alive) {
  tier.ranks[0].signal(SIGUSR1);
  for (auto& each : tier.ranks) {
    CHECK(each.line() == "well");
    CHECK(each.line() == fmt::format("alive {}", alive));
    CHECK(each.wait() == 0);
  }
}

} // namespace

TEST_CASE("results stay right to the bit when reducers are killed one after the other") {
  for (const size_t count : {3U, 100'000U}) {
    process_tier tier(3, 3, 10'000, "rank", count);
    await_running(tier);
    for (int victim : {1, 0, 2}) {
      tier.reducers[static_cast<size_t>(victim)].signal(SIGKILL);
      std::this_thread::sleep_for(milliseconds(150)); // some rounds in between
    }
    check_goes_on(tier, 0);
  }
}

TEST_CASE("the job goes on when two reducers are killed at once") {
  process_tier tier(2, 3, 10'000, "rank", 50'000);
  await_running(tier);
  tier.reducers[0].signal(SIGKILL);
  tier.reducers[1].signal(SIGKILL);
  std::this_thread::sleep_for(milliseconds(300));
  check_goes_on(tier, 1);
  CHECK(tier.reducers[2].wait() == 0);
}

TEST_CASE("the job goes on without a stopped reducer after the timeout") {
  process_tier tier(2, 2, 1000, "rank", 50'000);
  await_running(tier);
  tier.reducers[0].signal(SIGSTOP);
  std::this_thread::sleep_for(milliseconds(1800));
  check_goes_on(tier, 1);
}

TEST_CASE("the job goes on without a reducer that was asked to stop") {
  process_tier tier(2, 2, 10'000, "rank", 50'000);
  await_running(tier);
  tier.reducers[1].signal(SIGTERM);
  CHECK(tier.reducers[1].line().starts_with("error 1 "));
  check_goes_on(tier, 1);
}

} // namespace troupe::reduction::test
