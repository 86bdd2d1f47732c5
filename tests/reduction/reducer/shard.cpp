#include "reduction/reducer/shard.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>

namespace troupe::reduction::test {
namespace {

constexpr uint32_t chunk_bytes = 64;

chunk_header header_of(uint32_t sequence, uint64_t count = 4,
                       collective kind = collective::allreduce) {
  chunk_header out;
  out.sequence = out.operation = sequence;
  out.describe({kind, passing::normal, dtype::float32, reduce_op::sum, 0, count, chunk_bytes});
  return out;
}

byte_span bytes_of(const std::vector<float>& values) { return std::as_bytes(std::span(values)); }

std::vector<float> floats_of(byte_span bytes) {
  std::vector<float> out(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

} // namespace

TEST_CASE("a shard sums in rank order whatever the order of arrival") {
  buffer_pool pool(4096, 64);
  shard gathering({2, 0, {0, 1, 2}}, pool);
  const std::vector<float> parts[] = {{1e8F}, {-1e8F}, {1.0F}};
  const uint32_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
  uint32_t sequence = 0;
  for (const auto& order : orders) {
    std::vector<float> sum;
    for (const auto rank : order) {
      const auto taken =
          gathering.contribute(header_of(sequence, 1), rank, bytes_of(parts[rank]), {});
      REQUIRE(taken);
      CHECK(taken->has_value() == (rank == order[2]));
      if (*taken) sum = floats_of((*taken)->payload_for(0, 3));
    }
    CHECK(sum == std::vector<float>{1.0F}); // any other order gives 0
    ++sequence;
  }
}

TEST_CASE("a shard's memory stays within the window, however many chunks pass through") {
  constexpr uint32_t ranks = 4, slots = 8;
  // As shard_host allows for a shard.
  buffer_pool pool(4096, slots * (ranks + 4));
  shard gathering({slots, 0, {0, 1, 2, 3}}, pool);
  uint64_t results = 0;
  std::deque<buffer_pool::buffer> unsent;
  const std::vector<float> values(chunk_bytes / 4, 1);
  const auto contribute = [&](uint32_t rank, uint32_t sequence) {
    auto taken =
        gathering.contribute(header_of(sequence, chunk_bytes / 4), rank, bytes_of(values), {});
    REQUIRE(taken);
    if (!*taken) return;
    ++results;
    // The slowest receiver lags by the two windows that the protocol allows.
    unsent.push_back((*taken)->buffer);
    if (unsent.size() > size_t{2} * slots) unsent.pop_front();
  };
  // Rank 0 is always a full window ahead.
  for (uint32_t i = 0; i < slots - 1; ++i)
    contribute(0, i);
  for (uint32_t sequence = 0; sequence < 1000; ++sequence)
    for (uint32_t rank = 0; rank < ranks; ++rank)
      contribute(rank, rank == 0 ? sequence + slots - 1 : sequence);
  CHECK(results == 1000);
}

TEST_CASE("headers that break the protocol name their rank and change nothing") {
  buffer_pool pool(4096, 64);
  shard gathering({2, 0, {5, 7}}, pool);
  const std::vector<float> four(4);
  const auto refused = [&](const chunk_header& header, const std::vector<float>& payload) {
    const auto taken = gathering.contribute(header, 1, bytes_of(payload), {});
    return !taken && taken.error().code == errc::invalid_argument
           && taken.error().message.find("rank 7 broke the protocol") != std::string::npos;
  };
  const auto changed = [](auto change) {
    auto bad = header_of(0);
    change(bad);
    return bad;
  };
  CHECK(refused(changed([](auto& h) { h.type_and_op = dtype_count; }), four));
  CHECK(refused(changed([](auto& h) { h.type_and_op = reduce_op_count << 4; }), four));
  CHECK(refused(changed([](auto& h) { h.kind_and_mode = collective_count; }), four));
  CHECK(refused(changed([](auto& h) { h.kind_and_mode = passing_count << 4; }), four));
  CHECK(refused(changed([](auto& h) { h.chunk_units = 0; }), four));
  CHECK(refused(changed([](auto& h) { h.root = 2; }), four));
  CHECK(refused(changed([](auto& h) { h.chunk = 1; }), four));
  CHECK(refused(header_of(0, UINT64_MAX), four));
  CHECK(refused(header_of(0), {1, 2, 3}));
  CHECK(refused(header_of(1), four));
  CHECK(!gathering.oldest_waiting());

  // Two fit the window, the third is one too many.
  CHECK(gathering.contribute(header_of(0), 1, bytes_of(four), {}));
  CHECK(gathering.contribute(header_of(1), 1, bytes_of(four), {}));
  CHECK(refused(header_of(2), four));
  CHECK(gathering.oldest_waiting()->missing == std::vector<uint32_t>{5});
  CHECK(gathering.oldest_waiting()->operation == 0);
}

TEST_CASE("ranks that disagree are named with their calls") {
  buffer_pool pool(4096, 64);
  shard gathering({2, 0, {0, 1}}, pool);
  CHECK(gathering.contribute(header_of(0, 2), 0, bytes_of({1, 2}), {}));
  const auto taken = gathering.contribute(header_of(0, 3), 1, bytes_of({1, 2, 3}), {});
  REQUIRE(!taken);
  CHECK(taken.error().code == errc::failed_precondition);
  const auto& said = taken.error().message;
  CAPTURE(said);
  CHECK(said.find("rank 0 made call number 0 (all-reduce, sum of 2 float32 elements)")
        != std::string::npos);
  CHECK(said.find("rank 1 call number 0 (all-reduce, sum of 3 float32 elements)")
        != std::string::npos);
}

TEST_CASE("a broadcast goes to the ranks that lack it and not to its root") {
  buffer_pool pool(4096, 64);
  shard gathering({2, 0, {0, 1, 2}}, pool);
  // A broadcast from rank 0, whose part comes in the middle.
  const std::vector<float> values{1, 2, 3, 4};
  const auto header = header_of(0, 4, collective::broadcast);
  CHECK(gathering.contribute(header, 1, {}, {}));
  CHECK(gathering.contribute(header, 0, bytes_of(values), {}));
  const auto taken = gathering.contribute(header, 2, {}, {});
  REQUIRE(taken);
  REQUIRE(taken->has_value());
  CHECK((*taken)->payload_for(0, 3).empty());
  CHECK(floats_of((*taken)->payload_for(1, 3)) == values);
  CHECK(floats_of((*taken)->payload_for(2, 3)) == values);
}

} // namespace troupe::reduction::test
