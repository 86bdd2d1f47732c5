#include "reduction/kernels.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

namespace troupe::reduction {
namespace {

// Conversions are written without branches, because gcc turns these loops into vector code then.

inline float widen_half(uint16_t bits) {
  // Moving exponent and mantissa in place gives the value scaled by 2^-112, subnormals included;
  // one exact multiply mends the scale. What was infinite or NaN comes out as 2^16 or more, and
  // gets the full exponent back.
  constexpr float scale = std::bit_cast<float>(uint32_t{(254 - 15) << 23});
  const uint32_t sign = uint32_t{bits & 0x8000U} << 16;
  const float magnitude = std::bit_cast<float>(uint32_t{bits & 0x7fffU} << 13) * scale;
  const uint32_t raw = std::bit_cast<uint32_t>(magnitude);
  const uint32_t special = magnitude >= 65536.0F ? 0x7f800000U : 0U;
  return std::bit_cast<float>(sign | raw | special);
}

inline uint16_t narrow_half(float value) {
  const uint32_t raw = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (raw >> 16) & 0x8000U;
  const uint32_t magnitude = raw & 0x7fffffffU;
  // Subnormal halves: adding 0.5 makes the float unit round at the half's last place.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
  const uint32_t subnormal = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5F);
  // Normal halves: rebias, and round to nearest even on the 13 bits that go.
  const uint32_t odd = (magnitude >> 13) & 1U;
  const uint32_t normal = (magnitude - (112U << 23) + 0xfffU + odd) >> 13;
  const uint32_t finite = magnitude < (113U << 23) ? subnormal : normal;
  const uint32_t special = magnitude > 0x7f800000U ? 0x7e00U : 0x7c00U;
  const uint32_t rounded = magnitude >= (143U << 23) ? special : finite;
  return static_cast<uint16_t>(sign | rounded);
}

inline float widen_bfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

inline uint16_t narrow_bfloat16(float value) {
  const uint32_t raw = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (raw + 0x7fffU + ((raw >> 16) & 1U)) >> 16;
  // Rounding a NaN could carry it into infinity.
  const uint32_t nan = (raw >> 16) | 0x40U;
  return static_cast<uint16_t>((raw & 0x7fffffffU) > 0x7f800000U ? nan : rounded);
}

template <class T>
struct plain {
  using element = T;
  using accumulator = T;
  static T widen(T value) { return value; }
  static T narrow(T value) { return value; }
};

// Signed overflow is undefined, so integers are combined as unsigned where they may wrap.
template <class T>
struct wrapping {
  using element = T;
  using accumulator = std::make_unsigned_t<T>;
  static accumulator widen(T value) { return static_cast<accumulator>(value); }
  static T narrow(accumulator value) { return static_cast<T>(value); }
};

// Holds the sum of any number of ranks without overflow.
template <class T, class Wide>
struct exact {
  using element = T;
  using accumulator = Wide;
  static Wide widen(T value) { return value; }
  static T narrow(Wide value) { return static_cast<T>(value); }
};

struct half {
  using element = uint16_t;
  using accumulator = float;
  static float widen(uint16_t bits) { return widen_half(bits); }
  static uint16_t narrow(float value) { return narrow_half(value); }
};

struct brain {
  using element = uint16_t;
  using accumulator = float;
  static float widen(uint16_t bits) { return widen_bfloat16(bits); }
  static uint16_t narrow(float value) { return narrow_bfloat16(value); }
};

struct adding {
  template <class A>
  static A combine(A a, A b) {
    return a + b;
  }
};
struct multiplying {
  template <class A>
  static A combine(A a, A b) {
    return a * b;
  }
};
// `b != b` holds for NaN only; a NaN in `a` fails the comparison and stays.
struct lower {
  template <class A>
  static A combine(A a, A b) {
    return (b < a || b != b) ? b : a;
  }
};
struct upper {
  template <class A>
  static A combine(A a, A b) {
    return (b > a || b != b) ? b : a;
  }
};

// The accumulators of one block stay in the first-level cache, so memory is read once and written
// once whatever n is.
constexpr size_t block_elements = 1024;

template <class Format, class Combine, bool divide>
void combine_all(std::span<const void* const> inputs, void* out_bytes, size_t count) {
  using element = typename Format::element;
  using accumulator = typename Format::accumulator;
  alignas(64) accumulator sums[block_elements];
  auto* const out = static_cast<element*>(out_bytes);
  const auto divisor = static_cast<accumulator>(inputs.size());
  for (size_t start = 0; start < count; start += block_elements) {
    const size_t length = std::min(block_elements, count - start);
    const auto* const first = static_cast<const element*>(inputs[0]) + start;
    for (size_t i = 0; i < length; ++i)
      sums[i] = Format::widen(first[i]);
    for (size_t rank = 1; rank < inputs.size(); ++rank) {
      const auto* const next = static_cast<const element*>(inputs[rank]) + start;
      for (size_t i = 0; i < length; ++i)
        sums[i] = Combine::combine(sums[i], Format::widen(next[i]));
    }
    if constexpr (divide)
      for (size_t i = 0; i < length; ++i)
        sums[i] = sums[i] / divisor;
    element* const result = out + start;
    for (size_t i = 0; i < length; ++i)
      result[i] = Format::narrow(sums[i]);
  }
}

template <class Sum, class Average, class Compare>
void by_op(reduce_op op, std::span<const void* const> inputs, void* out, size_t count) {
  switch (op) {
  case reduce_op::sum:
    return combine_all<Sum, adding, false>(inputs, out, count);
  case reduce_op::avg:
    return combine_all<Average, adding, true>(inputs, out, count);
  case reduce_op::min:
    return combine_all<Compare, lower, false>(inputs, out, count);
  case reduce_op::max:
    return combine_all<Compare, upper, false>(inputs, out, count);
  case reduce_op::prod:
    return combine_all<Sum, multiplying, false>(inputs, out, count);
  }
}

} // namespace

void reduce(dtype type, reduce_op op, std::span<const void* const> inputs, void* out,
            size_t count) {
  switch (type) {
  case dtype::float32:
    return by_op<plain<float>, plain<float>, plain<float>>(op, inputs, out, count);
  case dtype::float64:
    return by_op<plain<double>, plain<double>, plain<double>>(op, inputs, out, count);
  case dtype::float16:
    return by_op<half, half, half>(op, inputs, out, count);
  case dtype::bfloat16:
    return by_op<brain, brain, brain>(op, inputs, out, count);
  case dtype::int32:
    return by_op<wrapping<int32_t>, exact<int32_t, int64_t>, plain<int32_t>>(op, inputs, out,
                                                                             count);
  case dtype::int64:
    return by_op<wrapping<int64_t>, exact<int64_t, __int128>, plain<int64_t>>(op, inputs, out,
                                                                              count);
  }
}

float float_of_half(uint16_t bits) { return widen_half(bits); }
uint16_t half_of_float(float value) { return narrow_half(value); }
float float_of_bfloat16(uint16_t bits) { return widen_bfloat16(bits); }
uint16_t bfloat16_of_float(float value) { return narrow_bfloat16(value); }

} // namespace troupe::reduction
