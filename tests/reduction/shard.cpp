#include "reduction/shard.hpp"

#include <doctest/doctest.h>

#include <cstring>

namespace troupe::reduction::test {
namespace {

chunk_header header_of(uint32_t rank, uint64_t sequence, uint64_t count = 4) {
  chunk_header out;
  out.rank = rank;
  out.sequence = out.operation = sequence;
  out.count = count;
  return out;
}

byte_span bytes_of(const std::vector<float>& values) { return std::as_bytes(std::span(values)); }

} // namespace

TEST_CASE("the sum is in rank order whatever the order of arrival") {
  std::vector<float> sum(1);
  shard gathering({3, 64, 2}, [&](const shard::outcome& out) {
    REQUIRE(out.length == 4);
    std::memcpy(sum.data(), out.buffer.get(), 4);
  });
  const std::vector<float> parts[] = {{1e8F}, {-1e8F}, {1.0F}};
  const uint32_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
  uint64_t sequence = 0;
  for (const auto& order : orders) {
    sum[0] = -1;
    for (const auto rank : order)
      CHECK(gathering.contribute(header_of(rank, sequence, 1), bytes_of(parts[rank]), {}));
    CHECK(sum[0] == 1.0F); // any other order gives 0
    ++sequence;
  }
}

TEST_CASE("memory stays within the window, however much passes through") {
  uint64_t emitted = 0;
  std::deque<buffer_pool::buffer> unsent;
  constexpr uint32_t ranks = 4, chunk = 4096, slots = 8;
  shard gathering({ranks, chunk, slots}, [&](const shard::outcome& out) {
    ++emitted;
    unsent.push_back(
        out.buffer); // the slowest receiver lags by the two windows that the protocol allows
    if (unsent.size() > 2 * slots) unsent.pop_front();
  });
  const std::vector<float> values(chunk / 4, 1);
  // Rank 0 is always a full window ahead.
  for (uint64_t sequence = 0; sequence < 1000; ++sequence) {
    for (uint32_t rank = 0; rank < ranks; ++rank) {
      const uint64_t at = rank == 0 ? sequence + slots - 1 : sequence;
      if (rank == 0 && sequence == 0)
        for (uint64_t i = 0; i < slots - 1; ++i)
          CHECK(gathering.contribute(header_of(0, i, chunk / 4), bytes_of(values), {}));
      CHECK(gathering.contribute(header_of(rank, at, chunk / 4), bytes_of(values), {}));
    }
  }
  CHECK(emitted == 1000);
  CHECK(gathering.peak_bytes() <= size_t{slots} * (ranks + 4) * chunk);
}

TEST_CASE("headers that break the protocol name their rank and change nothing") {
  shard gathering({2, 64, 2}, [](const shard::outcome&) {});
  const std::vector<float> four(4);
  const auto refused = [&](chunk_header header, const std::vector<float>& payload) {
    const auto taken = gathering.contribute(header, bytes_of(payload), {});
    return !taken && taken.error().code == errc::invalid_argument
           && taken.error().message.find("rank 1 broke the protocol") != std::string::npos;
  };
  auto bad = header_of(1, 0);
  bad.type = 6;
  CHECK(refused(bad, four));
  bad = header_of(1, 0);
  bad.op = 5;
  CHECK(refused(bad, four));
  bad = header_of(1, 0, UINT64_MAX);
  CHECK(refused(bad, four));
  bad = header_of(1, 0);
  bad.chunk = 1;
  CHECK(refused(bad, four));
  CHECK(refused(header_of(1, 0), {1, 2, 3}));
  CHECK(refused(header_of(1, 1), four));
  CHECK(!gathering.oldest_waiting());

  // Two fit the window, the third is one too many.
  CHECK(gathering.contribute(header_of(1, 0), bytes_of(four), {}));
  CHECK(gathering.contribute(header_of(1, 1), bytes_of(four), {}));
  CHECK(refused(header_of(1, 2), four));
  CHECK(gathering.oldest_waiting()->missing == std::vector<uint32_t>{0});
  CHECK(gathering.oldest_waiting()->operation == 0);
}

TEST_CASE("disagreement names both ranks and both calls") {
  shard gathering({2, 64, 2}, [](const shard::outcome&) {});
  CHECK(gathering.contribute(header_of(0, 0, 2), bytes_of({1, 2}), {}));
  const auto taken = gathering.contribute(header_of(1, 0, 3), bytes_of({1, 2, 3}), {});
  REQUIRE(!taken);
  CHECK(taken.error().code == errc::failed_precondition);
  CHECK(
      taken.error().message.find("rank 0 called all-reduce number 0 with sum of 2 float32 elements")
      != std::string::npos);
  CHECK(taken.error().message.find("rank 1 called number 0 with sum of 3 float32 elements")
        != std::string::npos);
}

} // namespace troupe::reduction::test
