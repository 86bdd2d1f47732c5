#include "core/scheduler/placement.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace troupe::core;
using troupe::wire::AcceleratorType;

namespace {

constexpr uint64_t gib = uint64_t{1} << 30;

capacity node(uint64_t cpus, uint32_t gpus = 0, AcceleratorType type = AcceleratorType::L4,
              uint64_t ports = 100) {
  return {
      {cpus * 1000, 64 * gib, gpus, gpus > 0 ? type : AcceleratorType::UNSPECIFIED}, ports, true};
}

pool_demand pool(uint32_t number, uint64_t count, uint64_t cpus, uint32_t gpus = 0,
                 AcceleratorType type = AcceleratorType::UNSPECIFIED) {
  return {number, count, {cpus * 1000, gib, gpus, type}};
}

size_t nodes_used(const std::vector<assignment>& assignments) {
  std::set<size_t> used;
  for (const assignment& s : assignments)
    used.insert(s.node);
  return used.size();
}

} // namespace

TEST_CASE("a gang is placed whole or not at all") {
  std::vector<capacity> capacities{node(2), node(2)};
  CHECK(place(std::vector{pool(0, 1, 1), pool(1, 3, 1)}, capacities));
  CHECK(!place(std::vector{pool(0, 1, 1), pool(1, 4, 1)}, capacities));
  CHECK(!place(std::vector{pool(0, 1, 3)}, capacities));
}

TEST_CASE("assignments are ordered by pool and index, each once") {
  auto assignments =
      place(std::vector{pool(0, 1, 1), pool(2, 3, 4)}, std::vector{node(8), node(8)});
  REQUIRE(assignments);
  REQUIRE(assignments->size() == 4);
  CHECK((*assignments)[0].pool == 0);
  for (uint32_t i = 0; i < 3; ++i) {
    CHECK((*assignments)[i + 1].pool == 2);
    CHECK((*assignments)[i + 1].index == i);
  }
}

TEST_CASE("a gang sits on few nodes, and on the tightest one that takes it") {
  auto assignments =
      place(std::vector{pool(0, 1, 1), pool(1, 3, 1)}, std::vector{node(2), node(16), node(4)});
  REQUIRE(assignments);
  CHECK(nodes_used(*assignments) == 1);
  CHECK((*assignments)[0].node == 2);
}

TEST_CASE("GPUs are matched by count and type, and not wasted on those who need none") {
  std::vector<capacity> capacities{node(4, 2), node(4), node(4, 4, AcceleratorType::TESLA_T4)};
  auto any = place(std::vector{pool(0, 1, 1, 2)}, capacities);
  REQUIRE(any);
  CHECK((*any)[0].node == 0);
  auto typed = place(std::vector{pool(0, 1, 1, 1, AcceleratorType::TESLA_T4)}, capacities);
  REQUIRE(typed);
  CHECK((*typed)[0].node == 2);
  CHECK(!place(std::vector{pool(0, 1, 1, 3, AcceleratorType::L4)}, capacities));
  auto plain = place(std::vector{pool(0, 1, 1)}, capacities);
  REQUIRE(plain);
  CHECK((*plain)[0].node == 1);
}

TEST_CASE("a mixed gang finds the node with the GPU") {
  auto assignments =
      place(std::vector{pool(0, 3, 1), pool(1, 1, 3, 1)}, std::vector{node(3), node(3, 1)});
  REQUIRE(assignments);
  CHECK((*assignments)[3].node == 1);
}

TEST_CASE("closed nodes and nodes out of ports take nothing") {
  std::vector<capacity> capacities{node(8), node(8, 0, AcceleratorType::L4, 1)};
  capacities[0].open = false;
  CHECK(place(std::vector{pool(0, 1, 1)}, capacities));
  CHECK(!place(std::vector{pool(0, 2, 1)}, capacities));
}

TEST_CASE("no replica may be larger than what is left, even with huge numbers") {
  std::vector<capacity> capacities{node(8)};
  CHECK(!place(std::vector{pool_demand{0, 1, {UINT64_MAX, 1, 0, {}}}}, capacities));
  CHECK(!place(std::vector{pool_demand{0, UINT64_MAX, {1, 1, 0, {}}}}, capacities));
}
