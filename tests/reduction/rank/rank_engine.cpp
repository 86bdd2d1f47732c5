#include "reduction/rank/rank_engine.hpp"

#include <doctest/doctest.h>

#include <numeric>

namespace troupe::reduction::test {
namespace {

constexpr uint32_t world_size = 2;
constexpr uint32_t reducer_lane = 0, lane_of_rank_0 = 1, lane_of_rank_1 = 2;

std::unique_ptr<am_worker> worker() {
  auto made = am_worker::create({"lo"});
  REQUIRE(made);
  return std::move(*made);
}

/// Two ranks and a reducer, all driven by this thread. Lane 0 is the reducer's, the others are the
/// ranks' own.
class two_engines {
public:
  two_engines() {
    std::unique_ptr<am_worker> workers[] = {worker(), worker()};
    const byte_vector addresses[] = {workers[0]->address(), workers[1]->address()};
    std::vector<shard_host::peer> peers;
    for (uint32_t rank = 0; rank < world_size; ++rank)
      peers.push_back({secret(reducer_lane, rank), {addresses[rank]}});
    reducer = std::make_unique<shard_host>(*reducer_data, shard_host::settings{64, 4}, peers,
                                           callbacks());
    for (uint32_t rank = 0; rank < world_size; ++rank)
      make_engine(rank, std::move(workers[rank]), addresses);
    for (auto& each : engines)
      REQUIRE(each->connect({reducer_lane, lane_of_rank_0, lane_of_rank_1}));
    drive_until([&] { return engines[0]->attached() && engines[1]->attached(); });
    for (uint32_t rank = 0; rank < world_size; ++rank) {
      groups[rank] = group_of(rank);
      REQUIRE(engines[rank]->add_group(groups[rank]));
    }
  }
  ~two_engines() {
    engines.clear();
    reducer_data->close_endpoints();
  }

  void drive_reducer() {
    reducer_data->progress();
    reducer->catch_up();
  }
  void drive() {
    drive_reducer();
    for (auto& each : engines)
      each->drive();
  }
  void drive_until(const std::function<bool()>& reached) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(10);
    while (!reached() && steady_clock::now() < deadline)
      drive();
    REQUIRE(reached());
  }
  /// The reducer is lost, and lane 0's stream is to go on at rank 0's.
  void lose_reducer() {
    for (auto& each : engines)
      each->drop_lanes({reducer_lane}, {lane_of_rank_0, lane_of_rank_0, lane_of_rank_1});
  }

  /// An all-reduce in place, all of whose chunks go to one lane.
  operation_ptr submit(uint32_t rank, std::vector<float>& array, uint32_t lane) {
    auto op = std::make_shared<operation>();
    op->of = groups[rank];
    op->number = numbers[rank]++;
    op->form = {collective::allreduce,
                passing::normal,
                dtype::float32,
                reduce_op::sum,
                0,
                array.size(),
                64};
    op->type = dtype::float32;
    op->input = reinterpret_cast<const std::byte*>(array.data());
    op->output = reinterpret_cast<std::byte*>(array.data());
    op->plan = &only[lane];
    op->chunks = chunk_total(op->form, world_size);
    op->shares_missing = 1;
    engines[rank]->submit(op);
    return op;
  }

  std::unique_ptr<am_worker> reducer_data = worker();
  std::unique_ptr<shard_host> reducer;
  std::vector<std::unique_ptr<rank_engine>> engines;
  std::shared_ptr<const group> groups[world_size];
  uint64_t numbers[world_size] = {};
  const lane_plan only[3] = {lane_plan({1, 0, 0}, 0, 1), lane_plan({0, 1, 0}, 0, 1),
                             lane_plan({0, 0, 1}, 0, 1)};
  std::vector<uint64_t> finished[world_size];
  std::vector<error> troubles;

private:
  static uint64_t secret(uint32_t lane, uint32_t rank) { return 100 + 10 * lane + rank; }
  static std::shared_ptr<const group> group_of(uint32_t rank) {
    auto made = std::make_shared<group>();
    made->members = {0, 1};
    made->rank = rank;
    made->bulk = made->brief = lane_plan({1, 1, 1}, 0, 1);
    return made;
  }
  shard_host::callbacks callbacks() {
    return {[](uint32_t) {}, [](uint32_t, const std::string&) {},
            [this](error why) { troubles.push_back(std::move(why)); }, [] {}};
  }
  void make_engine(uint32_t rank, std::unique_ptr<am_worker> data, const byte_vector* addresses) {
    std::vector<lane_place> lanes(3);
    lanes[reducer_lane] = {reducer_data->address(), secret(reducer_lane, rank), 0};
    const auto other = 1 - rank;
    lanes[1 + other] = {addresses[other], secret(1 + other, rank), UINT32_MAX};
    std::vector<shard_host::peer> peers;
    for (uint32_t peer = 0; peer < world_size; ++peer)
      peers.push_back({secret(1 + rank, peer), {addresses[peer]}});
    engines.push_back(std::make_unique<rank_engine>(
        rank_engine::settings{0, 1, 4, 64}, std::move(data), std::move(lanes),
        rank_engine::callbacks{[this, rank](const operation_ptr& op) {
                                 op->finished = true;
                                 finished[rank].push_back(op->number);
                               },
                               [](uint32_t, const std::string&) {}}));
    engines[rank]->host_here(rank, std::move(peers), callbacks());
  }
};

std::vector<float> values(float first, size_t count = 100) {
  std::vector<float> out(count);
  std::iota(out.begin(), out.end(), first);
  return out;
}

std::vector<float> sum_of(const std::vector<float>& a, const std::vector<float>& b) {
  auto out = a;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] += b[i];
  return out;
}

} // namespace

TEST_CASE("operations end with the sum on both ranks, and each is reported once") {
  two_engines at;
  for (const uint32_t lane : {reducer_lane, lane_of_rank_0, lane_of_rank_1}) {
    auto mine = values(1), theirs = values(1000);
    const auto sum = sum_of(mine, theirs);
    const auto a = at.submit(0, mine, lane), b = at.submit(1, theirs, lane);
    at.drive_until([&] { return a->finished && b->finished; });
    CHECK(mine == sum);
    CHECK(theirs == sum);
  }
  CHECK(at.finished[0] == std::vector<uint64_t>{0, 1, 2});
  CHECK(at.finished[1] == std::vector<uint64_t>{0, 1, 2});
  CHECK(at.troubles.empty());
}

TEST_CASE("an operation is not finished before every rank has contributed") {
  two_engines at;
  auto mine = values(1), theirs = values(5);
  const auto a = at.submit(0, mine, reducer_lane);
  for (int i = 0; i < 1000; ++i)
    at.drive();
  CHECK(!a->finished);
  CHECK(mine == values(1));
  const auto b = at.submit(1, theirs, reducer_lane);
  at.drive_until([&] { return a->finished && b->finished; });
}

TEST_CASE("bytes that stay on the rank itself are not counted as sent or received") {
  two_engines at;
  auto mine = values(1), theirs = values(5);
  const auto a = at.submit(0, mine, lane_of_rank_0), b = at.submit(1, theirs, lane_of_rank_0);
  at.drive_until([&] { return a->finished && b->finished; });
  CHECK(at.engines[0]->bytes_sent() == 0);
  CHECK(at.engines[1]->bytes_sent() == 400);
  CHECK(at.engines[1]->bytes_received() == 400);
}

TEST_CASE("a held stream waits, and after its move it goes on at the new host") {
  two_engines at;
  auto first = values(1), first_of_other = values(2);
  const auto before = at.submit(0, first, reducer_lane);
  const auto before_of_other = at.submit(1, first_of_other, reducer_lane);
  at.drive_until([&] { return before->finished && before_of_other->finished; });
  at.lose_reducer();
  std::vector<uint32_t> received;
  for (auto& each : at.engines) {
    const auto held = each->held_streams();
    REQUIRE(held.size() == 1);
    CHECK(held[0].lane == reducer_lane);
    received.push_back(held[0].received);
  }
  CHECK(received == std::vector<uint32_t>{7, 7}); // 400 bytes in chunks of 64
  auto mine = values(3), theirs = values(4);
  const auto sum = sum_of(mine, theirs);
  const auto a = at.submit(0, mine, reducer_lane), b = at.submit(1, theirs, reducer_lane);
  for (int i = 0; i < 1000; ++i)
    at.drive();
  CHECK(!a->finished);
  for (auto& each : at.engines) {
    REQUIRE(each->move({0, 0, received}));
    CHECK(each->held_streams().empty());
  }
  at.drive_until([&] { return a->finished && b->finished; });
  CHECK(mine == sum);
  CHECK(theirs == sum);
  CHECK(at.troubles.empty());
}

TEST_CASE("a result that one rank has and another lacks is passed on, not combined again") {
  two_engines at;
  auto mine = values(1, 16), theirs = values(2, 16); // one chunk
  const auto sum = sum_of(mine, theirs);
  const auto a = at.submit(0, mine, reducer_lane), b = at.submit(1, theirs, reducer_lane);
  // Rank 1 has the result; rank 0 has not been driven since it sent its contribution.
  at.engines[0]->drive();
  const auto deadline = steady_clock::now() + std::chrono::seconds(10);
  while (!b->finished && steady_clock::now() < deadline) {
    at.drive_reducer();
    at.engines[1]->drive();
  }
  REQUIRE(b->finished);
  REQUIRE(!a->finished);
  theirs.assign(16, -1); // the caller may do with its array what it wants
  at.lose_reducer();
  CHECK(at.engines[0]->held_streams().at(0).received == 0);
  CHECK(at.engines[1]->held_streams().at(0).received == 1);
  for (auto& each : at.engines)
    REQUIRE(each->move({0, reducer_lane, {0, 1}}));
  at.drive_until([&] { return a->finished.load(); });
  CHECK(mine == sum);
}

TEST_CASE("a stopped engine leaves its operations unfinished and drives nothing") {
  two_engines at;
  auto mine = values(1);
  const auto a = at.submit(0, mine, reducer_lane);
  at.engines[0]->stop();
  CHECK(!at.engines[0]->drive());
  CHECK(!a->finished);
  CHECK(at.finished[0].empty());
}

} // namespace troupe::reduction::test
