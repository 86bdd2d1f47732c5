#include "reduction/control/membership.hpp"

#include "tests/reduction/control/wires.hpp"

#include <doctest/doctest.h>

#include <map>

namespace troupe::reduction::test {
namespace {

constexpr uint32_t timeout_ms = 1000;

/// The membership of "job-1", with a control connection to each rank that has joined.
struct tier {
  explicit tier(uint32_t world_size)
      : world_size(world_size),
        members({"this reducer", "job-1", 3, world_size, timeout_ms, 60'000},
                {[this](uint32_t rank, error why) { lost.emplace_back(rank, std::move(why)); },
                 [this](uint32_t rank, const frame& message) {
                   messages.emplace_back(rank, message.type);
                 }},
                nullptr) {}

  std::optional<rejection> join(hello identity) {
    wire made;
    handshake_listener::candidate newcomer{std::move(identity), std::move(made.here), "10.0.0.1:7"};
    auto objection = members.admit(newcomer, now);
    if (!objection) ranks.insert_or_assign(newcomer.identity.rank, std::move(made.there));
    return objection;
  }
  std::optional<rejection> join(uint32_t rank) {
    auto identity = hello_of(rank, world_size);
    identity.attempt = 3;
    return join(std::move(identity));
  }
  void start() {
    for (uint32_t rank = 0; rank < world_size; ++rank)
      REQUIRE(!join(rank));
    members.start(frame_type::welcome, [](uint32_t) { return byte_vector(); });
    now = steady_clock::now();
    members.tick(now);
  }
  /// Serves until something has come of what a rank sent.
  void serve_until(const std::function<bool()>& reached) {
    for (int i = 0; i < 10'000 && !reached(); ++i)
      members.serve(now);
    REQUIRE(reached());
  }
  /// The clock goes on, in steps that no process that runs would miss.
  void pass(milliseconds time, const std::vector<uint32_t>& talking = {}) {
    for (milliseconds step(100); time.count() > 0; time -= step) {
      now += step;
      for (const auto rank : talking) {
        ranks.at(rank).send(frame_type::heartbeat);
        serve_until([&] { return members.at(rank).last_heard == now; });
      }
      members.tick(now);
    }
  }

  uint32_t world_size;
  time_point now = steady_clock::now();
  std::vector<std::pair<uint32_t, error>> lost;
  std::vector<std::pair<uint32_t, frame_type>> messages;
  std::map<uint32_t, frame_socket> ranks;
  membership members;
};

} // namespace

TEST_CASE(
    "a hello for another job, attempt or size is refused, and only a later attempt may retry") {
  tier at(2);
  const auto refusal = [&](const std::function<void(hello&)>& change) {
    auto identity = hello_of(1, 2);
    identity.attempt = 3;
    change(identity);
    const auto objection = at.join(identity);
    REQUIRE(objection);
    return *objection;
  };
  CHECK(refusal([](hello& h) { h.job = "job-2"; }).reason
        == "this reducer serves the job job-1, not job-2");
  CHECK(!refusal([](hello& h) { h.attempt = 2; }).retry);
  CHECK(refusal([](hello& h) { h.attempt = 4; }).retry);
  CHECK(refusal([](hello& h) { h.world_size = 3; }).code == errc::failed_precondition);
  CHECK(refusal([](hello& h) { h.rank = 2; }).code == errc::invalid_argument);
  CHECK(!at.join(1));
}

TEST_CASE("a rank can be there only once, and may try again until the start") {
  tier at(1);
  REQUIRE(!at.join(0));
  auto twice = at.join(0);
  REQUIRE(twice);
  CHECK(twice->code == errc::already_exists);
  CHECK(twice->retry);
  at.members.start(frame_type::welcome, [](uint32_t) { return byte_vector(); });
  twice = at.join(0);
  REQUIRE(twice);
  CHECK(!twice->retry);
}

TEST_CASE("the membership is complete when every rank has joined") {
  tier at(2);
  CHECK(!at.join(1));
  CHECK(!at.members.complete());
  CHECK(!at.join(0));
  CHECK(at.members.complete());
}

TEST_CASE("ranks that have not joined by the deadline are named, and the others get the reason") {
  tier at(4);
  REQUIRE(!at.join(1));
  at.members.tick(at.now + milliseconds(59'999));
  CHECK(!at.members.failed());
  at.members.tick(at.now + milliseconds(60'000));
  REQUIRE(at.members.failed());
  CHECK(at.members.failure().code == errc::deadline_exceeded);
  CHECK(at.members.failure().message.starts_with("ranks 0, 2, 3 did not connect"));
  caller joined(std::move(at.ranks.at(1)));
  const auto verdict_frame = joined.next();
  REQUIRE(verdict_frame);
  CHECK(verdict_frame->type == frame_type::failed);
}

TEST_CASE("a rank that goes before the start may join again") {
  tier at(2);
  REQUIRE(!at.join(0));
  at.ranks.at(0).close();
  at.serve_until([&] { return at.members.at(0).state == member_state::absent; });
  CHECK(at.lost.empty());
  CHECK(!at.join(0));
}

TEST_CASE("a rank that is silent for longer than the timeout is lost, one that talks is not") {
  tier at(2);
  at.start();
  at.pass(milliseconds(timeout_ms), {0});
  CHECK(at.lost.empty());
  at.pass(milliseconds(100), {0});
  REQUIRE(at.lost.size() == 1);
  CHECK(at.lost[0].first == 1);
  CHECK(at.lost[0].second.code == errc::deadline_exceeded);
  CHECK(at.lost[0].second.message.starts_with("rank 1 (host a pid 1) is lost: silent for more"));
  CHECK(at.members.at(0).state == member_state::active);
}

TEST_CASE("nobody counts as silent for a time in which this process did not run") {
  tier at(2);
  at.start();
  at.now += milliseconds(10 * timeout_ms);
  at.members.tick(at.now);
  CHECK(at.lost.empty());
}

TEST_CASE("a rank that says goodbye is gone and not lost") {
  tier at(2);
  at.start();
  at.ranks.at(1).send(frame_type::goodbye);
  at.ranks.at(1).close();
  at.serve_until([&] { return at.members.at(1).state == member_state::gone; });
  CHECK(at.lost.empty());
  CHECK(!at.members.all_gone());
  at.ranks.at(0).send(frame_type::goodbye);
  at.serve_until([&] { return at.members.all_gone(); });
}

TEST_CASE("a rank whose connection ends without a goodbye is lost at once") {
  tier at(2);
  at.start();
  at.ranks.at(1).close();
  at.serve_until([&] { return !at.lost.empty(); });
  CHECK(at.lost[0].first == 1);
  CHECK(at.lost[0].second.code == errc::unavailable);
  CHECK(at.lost[0].second.message.find("without a goodbye") != std::string::npos);
  CHECK(at.members.lost_count() == 1);
}

TEST_CASE("a rank that gives up fails the job for all, with its reason") {
  tier at(2);
  at.start();
  at.ranks.at(0).send(frame_type::aborted, encode(verdict{errc::internal, "rank 0 gave up: why"}));
  at.serve_until([&] { return at.members.failed(); });
  caller other(std::move(at.ranks.at(1)));
  REQUIRE(other.next()->type == frame_type::welcome);
  const auto message = other.next();
  REQUIRE(message);
  CHECK(message->type == frame_type::failed);
  CHECK(decode_verdict(message->payload)->text == "rank 0 gave up: why");
  // The first reason stays.
  at.members.fail_all({errc::unknown, "another"});
  CHECK(at.members.failure().message == "rank 0 gave up: why");
}

TEST_CASE(
    "a rank whose data connection broke is lost after a moment in which it could say goodbye") {
  tier at(2);
  at.start();
  at.members.suspect(0, "reset", at.now);
  at.members.suspect(1, "reset", at.now);
  at.ranks.at(1).send(frame_type::goodbye);
  at.serve_until([&] { return at.members.at(1).state == member_state::gone; });
  at.pass(milliseconds(300));
  CHECK(at.lost.empty());
  at.pass(milliseconds(100));
  REQUIRE(at.lost.size() == 1);
  CHECK(at.lost[0].first == 0);
  CHECK(at.lost[0].second.message.ends_with("its data connection failed (reset)"));
}

TEST_CASE("frames that are not the membership's own reach the owner") {
  tier at(1);
  at.start();
  at.ranks.at(0).send(frame_type::progress);
  at.serve_until([&] { return !at.messages.empty(); });
  CHECK(at.messages[0] == std::pair(0U, frame_type::progress));
}

} // namespace troupe::reduction::test
