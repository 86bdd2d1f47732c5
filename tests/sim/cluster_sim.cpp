// Random histories of a cluster, each from one seed: faults, crashes and users of every kind
// against the pure core, with the invariants of design.md §4 checked after each step.
#include "tests/sim/sim_world.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

namespace {

uint64_t number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

TEST_CASE("the invariants hold in every simulated history") {
  uint64_t first = number("TROUPE_SIM_SEED", 1);
  uint64_t runs = number("TROUPE_SIM_RUNS", std::getenv("TROUPE_SIM_SEED") ? 1 : 200);
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    try {
      troupe::sim::sim_world(seed).run();
    } catch (const std::exception& broken) {
      FAIL_CHECK("TROUPE_SIM_SEED=", seed, ": ", std::string(broken.what()));
    }
  }
}
