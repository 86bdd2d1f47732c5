// Random histories of a cluster, each from one seed: faults, crashes and users of every kind
// against the pure core, with the invariants of docs/architecture.md checked after each step.
#include "tests/sim/sim_world.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

uint64_t number(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void run(uint64_t seed) {
  try {
    troupe::sim::sim_world(seed).run();
  } catch (const std::exception& broken) {
    FAIL_CHECK("TROUPE_SIM_SEED=", seed, ": ", std::string(broken.what()));
  }
}

/// Of tests/sim/seeds.
std::vector<uint64_t> regression_seeds() {
  std::ifstream file(TROUPE_SIM_SEEDS);
  std::vector<uint64_t> seeds;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line.front() != '#') seeds.push_back(std::stoull(line));
  return seeds;
}

} // namespace

TEST_CASE("the invariants hold in every simulated history") {
  uint64_t first = number("TROUPE_SIM_SEED", 1);
  uint64_t runs = number("TROUPE_SIM_RUNS", std::getenv("TROUPE_SIM_SEED") ? 1 : 200);
  for (uint64_t seed = first; seed < first + runs; ++seed)
    run(seed);
}

TEST_CASE("the invariants hold in every history that once broke one") {
  const auto seeds = regression_seeds();
  REQUIRE(!seeds.empty());
  if (std::getenv("TROUPE_SIM_SEED")) return; // somebody looks at one history
  for (uint64_t seed : seeds)
    run(seed);
}
