#include "reduction/rank/group_table.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {
namespace {

constexpr uint32_t chunk_bytes = 256 * 1024;

/// Rank 1 of 4, with two reducers that are as fast as all links together.
struct rank_of_four {
  rank_of_four() {
    options.rank = 1;
    options.world_size = 4;
    groups.install_world(groups.world_for(4), 4);
  }
  communicator_options options;
  lane_layout layout{2, 1, 4};
  group_table groups{options, layout, chunk_bytes};
  std::vector<uint64_t> submitted;
};

} // namespace

TEST_CASE("operations of a group are numbered and submitted in one order") {
  rank_of_four at;
  REQUIRE(at.groups.add(9, {3, 1}));
  operation first, second, other;
  const auto submit = [&](uint32_t group, operation& op) {
    return at.groups.number(group, op, [&]() -> result<> {
      at.submitted.push_back(op.number);
      return {};
    });
  };
  REQUIRE(submit(0, first));
  REQUIRE(submit(0, second));
  CHECK(first.number == 0);
  CHECK(second.number == 1);
  REQUIRE(submit(9, other));
  CHECK(other.number == 0); // each group counts its own
  CHECK(at.submitted == std::vector<uint64_t>{0, 1, 0});
}

TEST_CASE(
    "a short array has one chunk, which rank 0 combines, and a long one the plan of its size") {
  rank_of_four at;
  operation brief, bulk;
  brief.form = {collective::allreduce, passing::normal, dtype::float32, reduce_op::sum, 0, 16, 0};
  bulk.form = brief.form;
  bulk.form.count = 1 << 20;
  const auto submit = []() -> result<> { return {}; };
  REQUIRE(at.groups.number(0, brief, submit));
  REQUIRE(at.groups.number(0, bulk, submit));
  CHECK(brief.chunks == 1);
  CHECK(brief.plan == &brief.of->brief);
  CHECK(brief.plan->lane_of(0, 0) == at.layout.rank_lane(0));
  CHECK(bulk.chunks > 1);
  CHECK(bulk.plan == &bulk.of->bulk);
  CHECK(!bulk.plan->uses_colocated());
}

TEST_CASE("slow reducers leave a share of long arrays to the ranks") {
  rank_of_four at;
  at.groups.install_world(at.groups.world_for(1), 1);
  CHECK(at.groups.find(0)->bulk.uses_colocated());
  CHECK(at.groups.kappa() == 1);
  CHECK(at.groups.reducer_share() < 1);
}

TEST_CASE("a group needs a free id and distinct ranks of the job, this one among them") {
  rank_of_four at;
  const auto code = [&](uint32_t id, std::vector<uint32_t> ranks) {
    return at.groups.add(id, std::move(ranks)).error().code;
  };
  CHECK(code(0, {1, 2}) == errc::invalid_argument);
  CHECK(code(5, {}) == errc::invalid_argument);
  CHECK(code(5, {1, 4}) == errc::invalid_argument);
  CHECK(code(5, {1, 1}) == errc::invalid_argument);
  CHECK(code(5, {0, 2}) == errc::invalid_argument);
  const auto made = at.groups.add(5, {3, 1});
  REQUIRE(made);
  CHECK((*made)->rank == 1); // its place in the list
  CHECK(code(5, {1, 2}) == errc::already_exists);
  at.groups.end(5);
  CHECK(code(5, {1, 2}) == errc::already_exists); // ids are not used twice
  CHECK(at.groups.ended() == std::vector<uint32_t>{5});
}

TEST_CASE("after the close only leaving is still numbered, and nothing in a group that has ended") {
  rank_of_four at;
  const auto number = [&](uint32_t group, collective kind) {
    operation op;
    op.form.kind = kind;
    return at.groups.number(group, op, []() -> result<> { return {}; });
  };
  CHECK(number(7, collective::barrier).error().message == "the group has ended");
  CHECK(number(0, collective::barrier));
  CHECK(at.groups.close());
  CHECK(!at.groups.close());
  CHECK(number(0, collective::barrier).error().message == "the communicator was finalized");
  CHECK(number(0, collective::leave));
}

} // namespace troupe::reduction::test
