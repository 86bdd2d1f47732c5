#include "reduction/rank/plan.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace troupe::reduction;

namespace {

/// How far `lane` ever is from its share, over all runs of chunks that start at `from`.
double furthest(const lane_plan& plan, uint32_t lane, uint64_t from, double share) {
  double most = 0;
  uint64_t had = 0;
  for (uint64_t chunk = 0; chunk < 2 * plan.period(); ++chunk) {
    had += plan.lane_of(from, chunk) == lane;
    most = std::max(most, std::abs(double(had) - share * double(chunk + 1)));
  }
  return most;
}

double share_of(const lane_plan& plan, uint32_t lane) {
  uint64_t had = 0;
  for (uint64_t chunk = 0; chunk < plan.period(); ++chunk)
    had += plan.lane_of(0, chunk) == lane;
  return double(had) / plan.period();
}

double dedicated_share(const lane_plan& plan, uint32_t dedicated) {
  double sum = 0;
  for (uint32_t lane = 0; lane < dedicated; ++lane)
    sum += share_of(plan, lane);
  return sum;
}

void check_next(const lane_plan& plan, uint64_t operation) {
  const uint64_t far = 3 * plan.period();
  for (uint32_t lane = 0; lane < plan.lanes(); ++lane) {
    uint64_t expected = lane_plan::never;
    for (uint64_t chunk = far; chunk-- > 0;) {
      if (plan.lane_of(operation, chunk) == lane) expected = chunk;
      // The next chunk after the last ones lies beyond the end of this search.
      if (chunk + plan.period() > far && expected == lane_plan::never) continue;
      REQUIRE(plan.next(lane, operation, chunk) == expected);
    }
  }
}

TEST_CASE("a lane's weight is its part of the chunks, against the mean of those in use") {
  const lane_plan even({1, 1, 1}, 0, 1.0);
  for (uint32_t lane = 0; lane < 3; ++lane)
    CHECK(even.weight(lane) == doctest::Approx(1));
  const lane_plan mixed({1, 1}, 4, 0.6); // two lanes of 0.3, four of 0.1
  CHECK(mixed.weight(0) == doctest::Approx(1.8).epsilon(0.02));
  CHECK(mixed.weight(5) == doctest::Approx(0.6).epsilon(0.02));
  const lane_plan reducers({1, 1}, 4, 1.0);
  CHECK(reducers.weight(0) == doctest::Approx(1));
  CHECK(reducers.weight(2) == 0);
}

TEST_CASE("chunks that weigh little against the operation leave room for a third") {
  CHECK(least_window(64 << 20, 64 << 10, 4) == 3);
  CHECK(least_window(4 << 20, 8 << 10, 8) == 2);
}

} // namespace

TEST_CASE("the split is that of the published examples") {
  CHECK(best_split(8, 4).reducer_share == doctest::Approx(7.0 / 11));
  CHECK(best_split(8, 4).time_factor == doctest::Approx(14.0 / 11));
  CHECK(best_split(8, 4).speedup_over_ring == doctest::Approx(1.375));
  CHECK(best_split(4, 1).time_factor == doctest::Approx(4.0 / 3));
  CHECK(best_split(4, 1).speedup_over_reducers_only == doctest::Approx(3));
  CHECK(best_split(64, 16).reducer_share == doctest::Approx(0.397).epsilon(0.01));
}

TEST_CASE("all bytes go through the reducers when kappa is n, and none when it is 0") {
  const auto none = best_split(8, 0);
  CHECK(none.reducer_share == 0);
  CHECK(none.time_factor == doctest::Approx(1.75));
  CHECK(none.speedup_over_ring == doctest::Approx(1));
  CHECK(std::isinf(none.reducers_only_factor));
  CHECK(none.limited_by == bottleneck::reducers);

  for (const double kappa : {8.0, 9.5, 1e9}) {
    const auto all = best_split(8, kappa);
    CHECK(all.reducer_share == 1);
    CHECK(all.time_factor == 1);
    CHECK(all.reducers_only_factor == 1);
    CHECK(all.limited_by == bottleneck::workers);
  }
  CHECK(best_split(8, 7.999999).reducer_share == doctest::Approx(1));
  CHECK(best_split(8, -1).reducer_share == 0);
  CHECK(best_split(8, std::nan("")).reducer_share == 0);
}

TEST_CASE("one worker sends nothing, and two are as fast without reducers") {
  for (const double kappa : {0.0, 0.5, 1.0, 2.0, 7.0}) {
    CHECK(best_split(1, kappa).reducer_share == 0);
    CHECK(best_split(1, kappa).time_factor == 0);
    CHECK(best_split(1, kappa).speedup_over_ring == 1);
    CHECK(best_split(2, kappa).time_factor == doctest::Approx(1));
    CHECK(best_split(2, kappa).reducer_share == doctest::Approx(std::min(kappa / 2, 1.0)));
    CHECK(best_split(2, kappa).limited_by == bottleneck::workers);
  }
}

TEST_CASE("no other share is faster than the best split") {
  for (const uint32_t workers : {1u, 2u, 3u, 4u, 8u, 33u, 256u})
    for (double kappa = 0; kappa <= workers + 1; kappa += workers / 16.0) {
      const auto best = best_split(workers, kappa);
      for (int percent = 0; percent <= 100; ++percent)
        CHECK(time_factor_of(percent / 100.0, workers, kappa) >= best.time_factor - 1e-12);
      CHECK(best.time_factor <= best.ring_factor + 1e-12);
      CHECK(best.time_factor <= best.reducers_only_factor + 1e-12);
    }
}

TEST_CASE("the reducers for the full rate carry the bandwidth of all workers") {
  CHECK(reducers_for_full_rate(8, 100, 32) == 25);
  CHECK(reducers_for_full_rate(8, 100, 100) == 8);
  CHECK(reducers_for_full_rate(8, 0.1, 0.3) == 3);
  CHECK(reducers_for_full_rate(3, 0.1, 0.1) == 3);
  CHECK(reducers_for_full_rate(8, 100, 0) == 0);
}

TEST_CASE("equal lanes take turns") {
  const lane_plan plan({5, 5, 5}, 0, 1);
  CHECK(plan.period() == 3);
  for (uint64_t chunk = 0; chunk < 9; ++chunk) {
    CHECK(plan.lane_of(0, chunk) == chunk % 3);
    CHECK(plan.lane_of(2, chunk) == (chunk + 2) % 3);
  }
}

TEST_CASE("a plan with lanes of one kind, or with all bytes for one kind, uses only these") {
  const lane_plan full({1, 2}, 4, 1);
  CHECK_FALSE(full.uses_colocated());
  CHECK(full.lanes() == 6);
  CHECK(full.next(2, 0, 0) == lane_plan::never);
  CHECK(dedicated_share(full, 2) == doctest::Approx(1));

  const lane_plan none({1, 2}, 4, 0);
  CHECK(none.uses_colocated());
  CHECK(none.next(1, 7, 3) == lane_plan::never);
  CHECK(share_of(none, 5) == doctest::Approx(0.25));
  CHECK(lane_plan({}, 5, 0.5).period() == 5);
  CHECK(lane_plan({0, -1, std::nan("")}, 2, 1).lane_of(0, 0) == 3);
  CHECK(share_of(lane_plan({0, 0}, 0, 0), 1) == doctest::Approx(0.5));
  CHECK(lane_plan({1}, 0, 0).lane_of(3, 4) == 0);
}

TEST_CASE("lanes get their shares, and at no time are far from them") {
  struct given {
    std::vector<double> weights;
    uint32_t colocated;
    double share;
  };
  for (const auto& [weights, colocated, share] :
       {given{{1, 1, 1, 1}, 8, 7.0 / 11}, given{{10, 25, 3.5}, 16, 0.38}, given{{1, 0, 2}, 5, 0.5},
        given{{1}, 2, 0.25}, given{std::vector<double>(16, 1), 64, 0.6}, given{{100, 99, 1}, 0, 1},
        given{{1, 1}, 3, 0.9}}) {
    const lane_plan plan(weights, colocated, share);
    const auto dedicated = static_cast<uint32_t>(weights.size());
    const auto through = dedicated_share(plan, dedicated);
    CHECK(through == doctest::Approx(share).epsilon(0.01));
    CHECK(plan.period() <= 1024);
    double sum = 0;
    for (const double each : weights)
      sum += each;
    for (uint32_t lane = 0; lane < plan.lanes(); ++lane) {
      const auto has = share_of(plan, lane);
      const auto wanted = lane < dedicated ? share * weights[lane] / sum : (1 - share) / colocated;
      CHECK(has == doctest::Approx(wanted).epsilon(0.04));
      CHECK(furthest(plan, lane, 0, has) < 1);
      CHECK(furthest(plan, lane, 41, has) < 2);
      if (lane > dedicated) CHECK(has == share_of(plan, dedicated));
    }
  }
}

TEST_CASE("a share too small to deal out evenly is left to the others") {
  CHECK_FALSE(lane_plan({1, 1}, 64, 0.9999).uses_colocated());
  CHECK(lane_plan({1, 1}, 64, 1e-6).next(0, 0, 0) == lane_plan::never);
}

TEST_CASE("many lanes still get their shares") {
  const lane_plan plan(std::vector<double>(16, 1), 512, 0.7);
  CHECK(plan.uses_colocated());
  CHECK(dedicated_share(plan, 16) == doctest::Approx(0.7).epsilon(0.02));
  CHECK(share_of(plan, 16) == share_of(plan, 527));
}

TEST_CASE("the pattern of a plan is a fixed one") {
  const lane_plan plan({1, 1}, 3, 0.55);
  std::string pattern;
  for (uint64_t chunk = 0; chunk < 20; ++chunk)
    pattern += std::to_string(plan.lane_of(0, chunk));
  CHECK(plan.period() == 40);
  CHECK(pattern == "01234010123401012340");
}

TEST_CASE("the next chunk of a lane is the one that a search finds") {
  for (const uint64_t operation : {0u, 1u, 17u, 1'000'003u}) {
    check_next(lane_plan({1, 1, 1, 1}, 8, 7.0 / 11), operation);
    check_next(lane_plan({3, 0, 1}, 2, 0.8), operation);
    check_next(lane_plan({1, 2}, 4, 1), operation);
    check_next(lane_plan({1, 2}, 4, 0), operation);
  }
}

TEST_CASE("chunk sizes follow from the array's size and the number of ranks") {
  constexpr uint32_t limit = 256 * 1024;
  CHECK(chunk_bytes_for(0, 4, limit) == 16 * 1024);
  CHECK(chunk_bytes_for(16 * 1024, 4, limit) == 16 * 1024);
  CHECK(chunk_bytes_for(16 * 1024 + 1, 4, limit) == 8 * 1024);
  CHECK(chunk_bytes_for(uint64_t(100) << 20, 8, limit) == 50 * 1024);
  CHECK(chunk_bytes_for(uint64_t(1) << 40, 8, limit) == limit);
  CHECK(chunk_bytes_for(1 << 20, 2, 1000) == 1000);
  CHECK(chunk_bytes_for(8, 2, 1000) == 1000);
  for (uint64_t bytes = 0; bytes < uint64_t(1) << 32; bytes = bytes * 3 / 2 + 7)
    for (const uint32_t ranks : {1u, 2u, 7u, 64u, 4096u}) {
      const auto chunk = chunk_bytes_for(bytes, ranks, limit);
      CHECK(chunk % 64 == 0);
      CHECK(chunk >= chunk_rule::min_bytes);
      CHECK(chunk <= limit);
      // The lag is the rule's, unless the chunk is as small as it gets.
      if (bytes > chunk_rule::single_bytes && chunk > chunk_rule::min_bytes)
        CHECK(chunk * ranks * chunk_rule::lag_divisor
              <= bytes + chunk_rule::granularity * ranks * chunk_rule::lag_divisor);
    }
}
