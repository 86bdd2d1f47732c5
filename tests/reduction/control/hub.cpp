#include "reduction/control/hub.hpp"

#include "tests/reduction/control/wires.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {
namespace {

/// A hub and ranks that have been let in.
struct job {
  explicit job(uint32_t world_size) {
    auto made =
        hub::open({{"127.0.0.1", 0}, "job-1", "secret", 0, world_size, 10'000, 10'000, 2.5});
    REQUIRE(made);
    center = std::move(*made);
    const auto address = resolve({"127.0.0.1", center->port()});
    REQUIRE(address);
    for (uint32_t rank = 0; rank < world_size; ++rank) {
      ranks.push_back(caller::to(*address));
      ranks.back().introduce(hello_of(rank, world_size), "secret");
    }
  }
  ~job() {
    for (auto& each : ranks)
      each.send(frame_type::goodbye);
  }
  void await_rosters() {
    for (auto& each : ranks)
      REQUIRE(each.next()->type == frame_type::roster);
  }
  void report_missing(uint32_t rank, uint32_t reducer) {
    ranks[rank].send(frame_type::missing, encode(missing{reducer, "it died"}));
  }
  void report_progress(uint32_t rank, uint32_t round, uint32_t received) {
    ranks[rank].send(frame_type::progress, encode(progress_report{round, {{0, 5, received}}, {}}));
  }
  pause_order await_pause(uint32_t rank) {
    const auto message = ranks[rank].next();
    REQUIRE(message);
    REQUIRE(message->type == frame_type::pause);
    return *decode_pause(message->payload);
  }
  resume_order await_resume(uint32_t rank) {
    const auto message = ranks[rank].next();
    REQUIRE(message);
    REQUIRE(message->type == frame_type::resume);
    return *decode_resume(message->payload);
  }
  std::unique_ptr<hub> center;
  std::vector<caller> ranks;
};

} // namespace

TEST_CASE("when all ranks are there, each gets the roster with every rank's place and lanes") {
  job at(2);
  for (auto& each : at.ranks) {
    const auto message = each.next();
    REQUIRE(message);
    REQUIRE(message->type == frame_type::roster);
    const auto everyone = decode_roster(message->payload, each.own_nonce(), "secret");
    REQUIRE(everyone);
    REQUIRE(everyone->ranks.size() == 2);
    CHECK(everyone->ranks[1].place == "host a pid 1");
    CHECK(everyone->ranks[1].lanes == std::vector<byte_vector>{byte_vector(3)});
    CHECK(everyone->kappa == 2.5);
  }
}

TEST_CASE(
    "a reducer that one rank has lost pauses all ranks, and they resume when all have reported") {
  job at(2);
  at.await_rosters();
  at.report_missing(1, 4);
  for (uint32_t rank = 0; rank < 2; ++rank) {
    const auto order = at.await_pause(rank);
    CHECK(order.round == 1);
    REQUIRE(order.lost.size() == 1);
    CHECK(order.lost[0].reducer == 4);
    CHECK(order.lost[0].reason == "it died");
  }
  at.report_progress(0, 1, 17);
  at.report_progress(1, 1, 16);
  for (uint32_t rank = 0; rank < 2; ++rank) {
    const auto order = at.await_resume(rank);
    CHECK(order.round == 1);
    REQUIRE(order.streams.size() == 1);
    CHECK(order.streams[0].lane == 5);
    CHECK(order.streams[0].received
          == std::vector<std::pair<uint32_t, uint32_t>>{{0, 17}, {1, 16}});
  }
}

TEST_CASE("the same loss reported by another rank starts no second round") {
  job at(2);
  at.await_rosters();
  at.report_missing(0, 4);
  at.report_missing(1, 4);
  for (uint32_t rank = 0; rank < 2; ++rank) {
    CHECK(at.await_pause(rank).round == 1);
    at.report_progress(rank, 1, 1);
  }
  CHECK(at.await_resume(0).round == 1); // and no further pause before it
}

TEST_CASE("a second loss starts another round, in which reports of the first do not count") {
  job at(2);
  at.await_rosters();
  at.report_missing(0, 4);
  CHECK(at.await_pause(0).round == 1);
  at.report_progress(0, 1, 3);
  at.report_missing(0, 2);
  const auto second = at.await_pause(0);
  CHECK(second.round == 2);
  CHECK(second.lost.size() == 2);
  CHECK(at.await_pause(1).round == 1);
  CHECK(at.await_pause(1).round == 2);
  at.report_progress(1, 1, 9);
  at.report_progress(1, 2, 8);
  at.report_progress(0, 2, 7);
  const auto order = at.await_resume(0);
  CHECK(order.round == 2);
  CHECK(order.streams.at(0).received == std::vector<std::pair<uint32_t, uint32_t>>{{0, 7}, {1, 8}});
}

TEST_CASE("a rank that has left counts as having ended every group") {
  job at(2);
  at.await_rosters();
  at.ranks[1].send(frame_type::goodbye);
  at.report_missing(0, 4);
  CHECK(at.await_pause(0).round == 1);
  at.report_progress(0, 1, 3);
  CHECK(at.await_resume(0).ended == std::vector<uint32_t>{every_group});
}

TEST_CASE("a lost rank fails the job on all others") {
  job at(3);
  at.await_rosters();
  at.ranks[2].close();
  for (uint32_t rank = 0; rank < 2; ++rank) {
    const auto message = at.ranks[rank].next();
    REQUIRE(message);
    REQUIRE(message->type == frame_type::failed);
    CHECK(decode_verdict(message->payload)->text.starts_with("rank 2 (host a pid 2) is lost"));
  }
}

} // namespace troupe::reduction::test
