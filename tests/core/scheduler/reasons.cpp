#include "core/scheduler/reasons.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe::core;
using troupe::wire::AcceleratorType;

namespace {

constexpr uint64_t gib = uint64_t{1} << 30;

node_view node(std::string_view name, uint64_t cpus, uint64_t free_millis, uint32_t gpus = 0) {
  amounts total{cpus * 1000, 8 * gib, gpus,
                gpus > 0 ? AcceleratorType::L4 : AcceleratorType::UNSPECIFIED};
  amounts free = total;
  free.cpu_millis = free_millis;
  return {name, total, {free, 10, true}, true};
}

std::vector<pool_demand> one(uint64_t millis, uint32_t gpus = 0, uint64_t memory = gib) {
  return {{0,
           1,
           {millis, memory, gpus, gpus > 0 ? AcceleratorType::L4 : AcceleratorType::UNSPECIFIED}}};
}

std::string why(const std::vector<pool_demand>& pools, const std::vector<node_view>& nodes,
                size_t ahead = 0) {
  return waiting_reason(pools, nodes, ahead, 8);
}

} // namespace

TEST_CASE("no node") {
  CHECK(why(one(1000), {}) == "no node is connected");
  auto away = node("a", 4, 4000);
  away.connected = false;
  CHECK(why(one(1000), {away}) == "no node is connected");
}

TEST_CASE("GPUs that no node has") {
  CHECK(why(one(1000, 2), {node("a", 4, 4000, 1), node("b", 4, 4000)})
        == "waiting for 2 GPUs of type NVIDIA_L4 per replica: no node has that many (largest: node "
           "a with 1)");
  CHECK(why(one(1000, 1), {node("a", 4, 4000)})
        == "waiting for 1 GPU of type NVIDIA_L4 per replica: no node has that many (no node has "
           "any)");
}

TEST_CASE("a replica larger than every node") {
  CHECK(why(one(64000), {node("a", 2, 2000)})
        == "needs 64 cpus on one node for workerpool0-0, but the largest node has 2: it can never "
           "start on this cluster "
           "as it stands");
  CHECK(why(one(1000, 0, 16 * gib), {node("a", 2, 2000)})
        == "needs 16 GiB of memory on one node for workerpool0-0, but the largest node has 8 GiB "
           "of memory: it can never "
           "start on this cluster as it stands");
  CHECK(why(one(4000, 1), {node("a", 4, 4000), node("g", 2, 2000, 1)})
            .find("no node has all of these")
        != std::string::npos);
}

TEST_CASE("a gang larger than the cluster") {
  CHECK(why({{0, 1, {1000, gib, 0, {}}}, {1, 4, {1000, gib, 0, {}}}},
            {node("a", 2, 2000), node("b", 2, 2000)})
        == "needs 5 cpus, 5 GiB of memory in all, and the nodes together cannot hold that at once: "
           "it can never start on "
           "this cluster as it stands");
}

TEST_CASE("a job that fits later says what is missing now, and its place") {
  CHECK(why(one(2000), {node("a", 2, 500)}, 3) == "waiting for 1.5 more cpus; 3 jobs are ahead");
  CHECK(why(one(2000), {node("a", 2, 500)}, 1) == "waiting for 1.5 more cpus; 1 job is ahead");
  CHECK(why(one(2000), {node("a", 2, 1000), node("b", 2, 1000)})
        == "waiting for enough of a single node to be free");
  CHECK(why(one(2000), {node("a", 2, 500)}, 8) == "waiting for its turn; 8 or more jobs are ahead");
}
