#include "reduction/kernels.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace troupe::reduction::test {
namespace {

// The compiler's own half type is the reference for ours.
float reference_widen(uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }
uint16_t reference_narrow(float value) {
  return std::bit_cast<uint16_t>(static_cast<_Float16>(value));
}

// Nearest even among the two neighbours, by distance in float64.
uint16_t reference_bfloat16(float value) {
  const auto raw = std::bit_cast<uint32_t>(value);
  const auto low = static_cast<uint16_t>(raw >> 16);
  const auto high = static_cast<uint16_t>(low + 1);
  const double at_low = float_of_bfloat16(low);
  // One past the largest finite value stands for infinity, at the distance it would have were it
  // finite.
  const double at_high = (high & 0x7fffU) == 0x7f80U ? std::copysign(std::ldexp(1.0, 128), at_low)
                                                     : static_cast<double>(float_of_bfloat16(high));
  const double to_low = std::abs(value - at_low), to_high = std::abs(at_high - value);
  if (to_low == to_high) return low % 2 == 0 ? low : high;
  return to_low < to_high ? low : high;
}

template <class T, class Widen, class Narrow>
std::vector<T> reference(reduce_op op, const std::vector<std::vector<T>>& inputs, Widen widen,
                         Narrow narrow) {
  std::vector<T> out(inputs[0].size());
  for (size_t i = 0; i < out.size(); ++i) {
    auto sum = widen(inputs[0][i]);
    for (size_t rank = 1; rank < inputs.size(); ++rank) {
      const auto next = widen(inputs[rank][i]);
      switch (op) {
      case reduce_op::sum:
      case reduce_op::avg:
        sum = sum + next;
        break;
      case reduce_op::prod:
        sum = sum * next;
        break;
      case reduce_op::min:
        sum = next < sum ? next : sum;
        break;
      case reduce_op::max:
        sum = next > sum ? next : sum;
        break;
      }
    }
    if (op == reduce_op::avg) sum = sum / static_cast<decltype(sum)>(inputs.size());
    out[i] = narrow(sum);
  }
  return out;
}

template <class T, class Widen, class Narrow, class Make>
void compare_all(dtype type, Make make, Widen widen, Narrow narrow) {
  for (unsigned op = 0; op < reduce_op_count; ++op)
    for (const size_t ranks : {1U, 2U, 3U, 5U, 8U})
      for (const size_t count : {0U, 1U, 7U, 64U, 1024U, 2500U}) {
        CAPTURE(name_of(type));
        CAPTURE(op);
        CAPTURE(ranks);
        CAPTURE(count);
        std::vector<std::vector<T>> inputs(ranks, std::vector<T>(count));
        for (auto& input : inputs)
          for (auto& each : input)
            each = make();
        std::vector<const void*> pointers;
        for (const auto& input : inputs)
          pointers.push_back(input.data());
        std::vector<T> out(count);
        reduce(type, static_cast<reduce_op>(op), pointers, out.data(), count);
        const auto expected = reference<T>(static_cast<reduce_op>(op), inputs, widen, narrow);
        CHECK((count == 0 || std::memcmp(out.data(), expected.data(), count * sizeof(T)) == 0));
      }
}

std::mt19937& random_bits() {
  static std::mt19937 engine(7);
  return engine;
}

template <class T>
T random_real() {
  return std::ldexp(static_cast<T>(random_bits()()) - T{2e9},
                    static_cast<int>(random_bits()() % 20) - 40);
}

} // namespace

TEST_CASE("every type and operator equals a plain loop in rank order, bit for bit") {
  const auto same = [](auto value) { return value; };
  compare_all<float>(dtype::float32, random_real<float>, same, same);
  compare_all<double>(dtype::float64, random_real<double>, same, same);
  compare_all<uint16_t>(
      dtype::float16, [] { return reference_narrow(random_real<float>()); }, reference_widen,
      reference_narrow);
  compare_all<uint16_t>(
      dtype::bfloat16, [] { return reference_bfloat16(random_real<float>()); }, float_of_bfloat16,
      reference_bfloat16);
  const auto small = [] { return static_cast<int64_t>(random_bits()() % 201) - 100; };
  compare_all<int32_t>(
      dtype::int32, [&] { return static_cast<int32_t>(small() % 11); },
      [](int32_t value) { return static_cast<int64_t>(value); },
      [](int64_t value) { return static_cast<int32_t>(value); });
  compare_all<int64_t>(dtype::int64, small, same, same);
}

TEST_CASE("half precision: every value widens right") {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto ours = float_of_half(static_cast<uint16_t>(bits));
    const auto theirs = reference_widen(static_cast<uint16_t>(bits));
    if (std::isnan(theirs))
      CHECK(std::isnan(ours));
    else if (std::bit_cast<uint32_t>(ours) != std::bit_cast<uint32_t>(theirs))
      FAIL("half " << bits);
  }
}

TEST_CASE("half precision: narrowing rounds to nearest even") {
  // All exponents, with mantissas around every tie, and a stride through all other bit patterns.
  const auto compare = [](uint32_t raw) {
    const auto value = std::bit_cast<float>(raw);
    const bool half_right = std::isnan(value) ? std::isnan(float_of_half(half_of_float(value)))
                                              : half_of_float(value) == reference_narrow(value);
    const bool bfloat16_right =
        std::isnan(value)   ? std::isnan(float_of_bfloat16(bfloat16_of_float(value)))
        : std::isinf(value) ? float_of_bfloat16(bfloat16_of_float(value)) == value
                            : bfloat16_of_float(value) == reference_bfloat16(value);
    return half_right && bfloat16_right;
  };
  for (uint64_t raw = 0; raw < (uint64_t{1} << 32); raw += 4093)
    if (!compare(static_cast<uint32_t>(raw))) FAIL("bits " << raw);
  for (uint32_t upper = 0; upper < 65536; ++upper)
    for (const uint32_t lower : {0x0000U, 0x0001U, 0x0fffU, 0x1000U, 0x1001U, 0x2fffU, 0x3000U,
                                 0x7fffU, 0x8000U, 0x8001U, 0xffffU})
      if (!compare(upper << 16 | lower)) FAIL("bits " << (upper << 16 | lower));
}

TEST_CASE("16-bit sums are accumulated in float32 and rounded once") {
  // 2048 + 1 + 1 in half precision is 2048 when rounded at every step.
  const uint16_t parts[] = {half_of_float(2048), half_of_float(1), half_of_float(1)};
  const void* const inputs[] = {&parts[0], &parts[1], &parts[2]};
  uint16_t out = 0;
  reduce(dtype::float16, reduce_op::sum, inputs, &out, 1);
  CHECK(float_of_half(out) == 2050);
}

TEST_CASE("integers: sums wrap, averages are exact and truncate toward zero") {
  const auto of_two = []<class T>(reduce_op op, T a, T b) {
    const void* const inputs[] = {&a, &b};
    T out = 0;
    reduce(sizeof(T) == 4 ? dtype::int32 : dtype::int64, op, inputs, &out, 1);
    return out;
  };
  constexpr auto max32 = std::numeric_limits<int32_t>::max();
  constexpr auto max64 = std::numeric_limits<int64_t>::max();
  CHECK(of_two(reduce_op::sum, max32, 1) == std::numeric_limits<int32_t>::min());
  CHECK(of_two(reduce_op::avg, max32, max32) == max32);
  CHECK(of_two(reduce_op::avg, max64, max64) == max64);
  CHECK(of_two(reduce_op::avg, -3, 0) == -1);
  CHECK(of_two(reduce_op::avg, int64_t{-3}, int64_t{0}) == -1);
  CHECK(of_two(reduce_op::avg, 3, 0) == 1);
}

TEST_CASE("min and max give NaN where any input has it") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const auto op : {reduce_op::min, reduce_op::max})
    for (const float first : {1.0F, nan}) {
      const float second = std::isnan(first) ? 1.0F : nan;
      const void* const inputs[] = {&first, &second};
      float out = 0;
      reduce(dtype::float32, op, inputs, &out, 1);
      CHECK(std::isnan(out));
    }
}

} // namespace troupe::reduction::test
