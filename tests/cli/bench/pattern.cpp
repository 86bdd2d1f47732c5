#include "cli/bench/pattern.hpp"

#include "cli/bench/settings.hpp"
#include "reduction/kernels/kernels.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace troupe;
using namespace troupe::cli;

namespace {

/// Reduces with the reducers' own arithmetic; rank `left_out` is not among the ranks.
uint64_t wrong_elements(troupe_dtype type, troupe_op op, uint32_t ranks, uint64_t count,
                        uint32_t left_out = UINT32_MAX) {
  std::vector<std::vector<std::byte>> inputs;
  std::vector<const void*> pointers;
  for (uint32_t rank = 0; rank < ranks; ++rank) {
    if (rank == left_out) continue;
    inputs.emplace_back(count * size_of(type));
    pattern::input(type, op, ranks, rank).fill(inputs.back().data(), count);
  }
  for (auto& each : inputs)
    pointers.push_back(each.data());
  std::vector<std::byte> sum(count * size_of(type));
  reduction::reduce(static_cast<reduction::dtype>(type), static_cast<reduction::reduce_op>(op),
                    pointers, sum.data(), count);
  return pattern::reduced(type, op, ranks).wrong(sum.data(), count);
}

} // namespace

TEST_CASE("results are exact for every type and operator") {
  for (const auto type : {TROUPE_FLOAT32, TROUPE_FLOAT64, TROUPE_FLOAT16, TROUPE_BFLOAT16,
                          TROUPE_INT32, TROUPE_INT64})
    for (const auto op : {TROUPE_SUM, TROUPE_AVG, TROUPE_MIN, TROUPE_MAX, TROUPE_PROD})
      for (const uint32_t ranks : {1u, 2u, 3u, 8u, 65u, 300u})
        CHECK_MESSAGE(wrong_elements(type, op, ranks, 1500) == 0, name_of(type), " ", name_of(op),
                      " ", ranks);
}

TEST_CASE("every rank's input matters") {
  for (const auto op : {TROUPE_SUM, TROUPE_AVG, TROUPE_MIN, TROUPE_MAX, TROUPE_PROD})
    for (const uint32_t ranks : {2u, 4u, 5u})
      for (uint32_t rank = 0; rank < ranks; ++rank)
        CHECK_MESSAGE(wrong_elements(TROUPE_FLOAT32, op, ranks, pattern_period, rank) > 0,
                      name_of(op), " ", ranks, " ", rank);
}

TEST_CASE("filling from the middle") {
  const auto whole = pattern::sent(TROUPE_INT32, 3);
  std::vector<int32_t> whole_array(5000), part(3000);
  whole.fill(whole_array.data(), whole_array.size());
  whole.fill(part.data(), part.size(), 1700);
  CHECK(std::memcmp(whole_array.data() + 1700, part.data(), part.size() * sizeof(int32_t)) == 0);
  CHECK(whole.wrong(part.data(), part.size(), 1700) == 0);
}

TEST_CASE("each wrong element is counted, and a chunk in the wrong place is seen") {
  const auto sent = pattern::sent(TROUPE_FLOAT16, 1);
  std::vector<uint16_t> array(9000);
  sent.fill(array.data(), array.size());
  array[0] ^= 1;
  array[8999] ^= 1;
  array[4321] ^= 0x8000;
  CHECK(sent.wrong(array.data(), array.size()) == 3);
  sent.fill(array.data() + 4096, 1024, 4096 + 1024);
  CHECK(sent.wrong(array.data(), array.size()) > 900);
  CHECK(pattern::sent(TROUPE_FLOAT16, 2).wrong(array.data(), 1000) > 900);
}

TEST_CASE("every element of an output that was not written is wrong") {
  std::vector<std::byte> array(4000, std::byte(0xA5));
  for (const auto type : {TROUPE_FLOAT32, TROUPE_FLOAT16, TROUPE_INT8, TROUPE_UINT8})
    CHECK(pattern::sent(type, 0).wrong(array.data(), 500) == 500);
}
