#include "reduction/kernels/kernels_isa.hpp"

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace troupe::reduction {
namespace {

// Everything is written in the compiler's generic vectors, one register wide, so that one source
// serves every instruction set. The functions must be inlined: `wide` values live in registers.
#if defined(__AVX512BW__)
constexpr size_t width = 64;
#elif defined(__AVX2__)
constexpr size_t width = 32;
#else
constexpr size_t width = 16;
#endif

#define TROUPE_INLINE [[gnu::always_inline]] inline

template <class T, size_t bytes>
struct vector_of {
  typedef T type __attribute__((vector_size(bytes)));
};
template <class T, size_t bytes = width>
using vec = typename vector_of<T, bytes>::type;

template <class V>
TROUPE_INLINE V load_as(const char* from) {
  V out;
  __builtin_memcpy(&out, from, sizeof out);
  return out;
}
template <class V>
TROUPE_INLINE void store_as(char* to, V value) {
  __builtin_memcpy(to, &value, sizeof value);
}

using floats = vec<float>;
using words = vec<uint32_t>;
constexpr size_t lanes = width / sizeof(float);

TROUPE_INLINE words bits(floats value) { return (words)value; }
TROUPE_INLINE floats real(words value) { return (floats)value; }

// A format defines how a step of `bytes` bytes of elements becomes `parts` vectors of accumulators,
// and back. On the way back there is only one NaN, the canonical one.

template <class T>
struct plain {
  using element = T;
  using accumulator = T;
  static constexpr size_t bytes = width, parts = 1;
  TROUPE_INLINE static void load(const char* from, vec<T>* to) { *to = load_as<vec<T>>(from); }
  TROUPE_INLINE static void store(char* to, const vec<T>* from) { store_as(to, *from); }
};

// Averages of integers: sums in a floating type that holds them exactly. The quotient of two whole
// numbers below 2^24 (float32) or 2^53 (float64) never rounds up to a whole number, so truncating
// it is exact as well.

struct exact_int32 {
  using element = int32_t;
  using accumulator = double;
  static constexpr size_t bytes = width / 2, parts = 1;
  using integers = vec<int32_t, bytes>;
  TROUPE_INLINE static void load(const char* from, vec<double>* to) {
    *to = __builtin_convertvector(load_as<integers>(from), vec<double>);
  }
  TROUPE_INLINE static void store(char* to, const vec<double>* from) {
    store_as(to, __builtin_convertvector(*from, integers));
  }
};

/// The order of lanes does not matter: every word of a register holds one byte for each part.
template <class Byte, class Word>
struct exact_bytes {
  using element = Byte;
  using accumulator = float;
  static constexpr size_t bytes = width, parts = 4;
  using integers = vec<int32_t>;
  TROUPE_INLINE static void load(const char* from, floats* to) {
    const words quads = load_as<words>(from);
#pragma GCC unroll 4
    for (unsigned part = 0; part < parts; ++part) {
      const auto extended = (vec<Word>)(quads << (24 - 8 * part)) >> 24;
      to[part] = __builtin_convertvector((integers)extended, floats);
    }
  }
  TROUPE_INLINE static void store(char* to, const floats* from) {
    words quads = {};
#pragma GCC unroll 4
    for (unsigned part = 0; part < parts; ++part)
      quads |= ((words) __builtin_convertvector(from[part], integers) & 0xffU) << (8 * part);
    store_as(to, quads);
  }
};

// How a 16-bit float in the lower half of a word becomes a float, and back.

struct brain_bits {
  TROUPE_INLINE static floats widened(words raw) { return real(raw << 16); }
  // To nearest even. The canonical NaN survives: it has room below for what is added.
  TROUPE_INLINE static words narrowed(floats value) {
    const words raw = bits(value);
    return (raw + 0x7fffU + (raw >> 16 & 1U)) >> 16;
  }
};

struct half_bits {
  // Moving exponent and mantissa in place gives the value scaled by 2^-112, subnormals included;
  // one exact multiply corrects the scale. Infinities and NaNs come out as 2^16 or more, and get
  // the full exponent back.
  TROUPE_INLINE static floats widened(words raw) {
    const floats magnitude = real((raw & 0x7fffU) << 13) * 0x1p112F;
    const words special = (words)(magnitude >= 65536.0F) & 0x7f800000U;
    return real((raw & 0x8000U) << 16 | bits(magnitude) | special);
  }
  TROUPE_INLINE static words narrowed(floats value) {
    const words raw = bits(value), magnitude = raw & 0x7fffffffU;
    // Subnormal halves: adding 0.5 makes the float unit round at the half's last place.
    const words subnormal = bits(real(magnitude) + 0.5F) - 0x3f000000U;
    // Normal halves: rebias, and round to nearest even on the 13 bits that go.
    const words normal = (magnitude - (112U << 23) + 0xfffU + (magnitude >> 13 & 1U)) >> 13;
    const words special = 0x7c00U | ((words)(value != value) & 0x200U);
    // Compared as floats, because without AVX-512 words have no unsigned comparison.
    const words finite = real(magnitude) < 0x1p-14F ? subnormal : normal;
    return (raw >> 16 & 0x8000U) | (real(magnitude) < 0x1p16F ? finite : special);
  }
};

template <class Bits>
struct packed {
  using element = uint16_t;
  using accumulator = float;
  static constexpr size_t bytes = width / 2, parts = 1;
  using halfwords = vec<uint16_t, bytes>;
  TROUPE_INLINE static void load(const char* from, floats* to) {
    *to = Bits::widened(__builtin_convertvector(load_as<halfwords>(from), words));
  }
  TROUPE_INLINE static void store(char* to, const floats* from) {
    store_as(to, __builtin_convertvector(Bits::narrowed(*from), halfwords));
  }
};

/// For when the order of lanes does not matter: taking a register apart into its even and its odd
/// elements is cheaper than keeping them in order.
template <class Bits>
struct split {
  using element = uint16_t;
  using accumulator = float;
  static constexpr size_t bytes = width, parts = 2;
  TROUPE_INLINE static void load(const char* from, floats* to) {
    const words pairs = load_as<words>(from);
    to[0] = Bits::widened(pairs & 0xffffU);
    to[1] = Bits::widened(pairs >> 16);
  }
  TROUPE_INLINE static void store(char* to, const floats* from) {
    store_as(to, Bits::narrowed(from[0]) | Bits::narrowed(from[1]) << 16);
  }
};

using brain = packed<brain_bits>;
using brain_sums = split<brain_bits>;

#ifdef __AVX2__
struct half {
  using element = uint16_t;
  using accumulator = float;
  static constexpr size_t bytes = width / 2, parts = 1;
#ifdef __AVX512F__
  // The forms without a mask make gcc 12 warn of uninitialized values.
  TROUPE_INLINE static void load(const char* from, floats* to) {
    *to = (floats)_mm512_maskz_cvtph_ps(0xffff, load_as<__m256i>(from));
  }
  TROUPE_INLINE static void store(char* to, const floats* from) {
    store_as(to, _mm512_maskz_cvtps_ph(0xffff, (__m512)*from, _MM_FROUND_TO_NEAREST_INT));
  }
#else
  TROUPE_INLINE static void load(const char* from, floats* to) {
    *to = (floats)_mm256_cvtph_ps(load_as<__m128i>(from));
  }
  TROUPE_INLINE static void store(char* to, const floats* from) {
    store_as(to, _mm256_cvtps_ph((__m256)*from, _MM_FROUND_TO_NEAREST_INT));
  }
#endif
};
using half_sums = half;
#else
using half = packed<half_bits>;
using half_sums = split<half_bits>;
#endif

struct adding {
  template <class V>
  TROUPE_INLINE static V combine(V a, V b) {
    return a + b;
  }
};
struct multiplying {
  template <class V>
  TROUPE_INLINE static V combine(V a, V b) {
    return a * b;
  }
};
// `b != b` holds for NaN only; a NaN in `a` fails the comparison and stays.
struct lower {
  template <class V>
  TROUPE_INLINE static V combine(V a, V b) {
    return (b < a) | (b != b) ? b : a;
  }
};
struct upper {
  template <class V>
  TROUPE_INLINE static V combine(V a, V b) {
    return (b > a) | (b != b) ? b : a;
  }
};

template <class T>
TROUPE_INLINE void make_canonical(vec<T>&) {}
template <>
TROUPE_INLINE void make_canonical<float>(floats& value) {
  value = value != value ? __builtin_nanf("") - floats{} : value;
}
template <>
TROUPE_INLINE void make_canonical<double>(vec<double>& value) {
  value = value != value ? __builtin_nan("") - vec<double>{} : value;
}

/// Combines `steps` steps of all inputs; `source(rank)` is where the rank's input begins.
template <class Format, class Combine, bool divide, size_t steps, class Source>
TROUPE_INLINE void combine_strip(Source source, size_t inputs, char* out) {
  using accumulator = typename Format::accumulator;
  constexpr size_t parts = Format::parts;
  vec<accumulator> sums[steps * parts];
  const char* const first = source(0);
#pragma GCC unroll 16
  for (size_t step = 0; step < steps; ++step)
    Format::load(first + step * Format::bytes, sums + step * parts);
  for (size_t rank = 1; rank < inputs; ++rank) {
    const char* const next = source(rank);
#pragma GCC unroll 16
    for (size_t step = 0; step < steps; ++step) {
      vec<accumulator> values[parts];
      Format::load(next + step * Format::bytes, values);
#pragma GCC unroll 16
      for (size_t part = 0; part < parts; ++part)
        sums[step * parts + part] = Combine::combine(sums[step * parts + part], values[part]);
    }
  }
#pragma GCC unroll 16
  for (size_t i = 0; i < steps * parts; ++i) {
    if constexpr (divide) sums[i] /= static_cast<accumulator>(inputs);
    make_canonical<accumulator>(sums[i]);
  }
#pragma GCC unroll 16
  for (size_t step = 0; step < steps; ++step)
    Format::store(out + step * Format::bytes, sums + step * parts);
}

template <class Format, class Combine, bool divide>
void combine_all(const void* const* inputs, size_t input_count, void* out_bytes, size_t count) {
  // Enough accumulators to hide the latency of an addition; more than these spill.
  constexpr size_t steps = 8 / Format::parts;
  constexpr size_t bytes = Format::bytes;
  const size_t total = count * sizeof(typename Format::element);
  auto* const out = static_cast<char*>(out_bytes);
  size_t at = 0;
  const auto in_place = [&](size_t rank) { return static_cast<const char*>(inputs[rank]) + at; };
  for (; total - at >= steps * bytes; at += steps * bytes)
    combine_strip<Format, Combine, divide, steps>(in_place, input_count, out + at);
  for (; total - at >= bytes; at += bytes)
    combine_strip<Format, Combine, divide, 1>(in_place, input_count, out + at);
  if (at == total) return;
  char padded[bytes] = {}, result[bytes];
  const auto copied = [&](size_t rank) {
    __builtin_memcpy(padded, in_place(rank), total - at);
    return static_cast<const char*>(padded);
  };
  combine_strip<Format, Combine, divide, 1>(copied, input_count, result);
  __builtin_memcpy(out + at, result, total - at);
}

template <class Sum, class Average, class Compare>
void by_op(reduce_op op, const void* const* inputs, size_t input_count, void* out, size_t count) {
  switch (op) {
  case reduce_op::sum:
    return combine_all<Sum, adding, false>(inputs, input_count, out, count);
  case reduce_op::avg:
    return combine_all<Average, adding, true>(inputs, input_count, out, count);
  case reduce_op::min:
    return combine_all<Compare, lower, false>(inputs, input_count, out, count);
  case reduce_op::max:
    return combine_all<Compare, upper, false>(inputs, input_count, out, count);
  case reduce_op::prod:
    return combine_all<Sum, multiplying, false>(inputs, input_count, out, count);
  }
}

template <class T>
constexpr auto by_float_op = by_op<T, T, T>;

// Signed overflow is undefined, so integers are summed and multiplied as unsigned ones.
void reduce_any(dtype type, reduce_op op, const void* const* inputs, size_t input_count, void* out,
                size_t count) {
  const auto run = [&](auto by) { by(op, inputs, input_count, out, count); };
  switch (type) {
  case dtype::float32:
    return run(by_float_op<plain<float>>);
  case dtype::float64:
    return run(by_float_op<plain<double>>);
  case dtype::float16:
    return run(by_float_op<half_sums>);
  case dtype::bfloat16:
    return run(by_float_op<brain_sums>);
  case dtype::int32:
    return run(by_op<plain<uint32_t>, exact_int32, plain<int32_t>>);
  case dtype::int64: // the average is the caller's
    return run(by_op<plain<uint64_t>, plain<uint64_t>, plain<int64_t>>);
  case dtype::int8:
    return run(by_op<plain<uint8_t>, exact_bytes<int8_t, int32_t>, plain<int8_t>>);
  case dtype::uint8:
    return run(by_op<plain<uint8_t>, exact_bytes<uint8_t, uint32_t>, plain<uint8_t>>);
  }
}

template <class From, class To>
void convert_all(const void* in_bytes, void* out_bytes, size_t count) {
  constexpr size_t in_step = lanes * sizeof(typename From::element);
  constexpr size_t out_step = lanes * sizeof(typename To::element);
  const auto step = [](const char* from, char* to) {
    floats values;
    From::load(from, &values);
    make_canonical<float>(values);
    To::store(to, &values);
  };
  const auto* in = static_cast<const char*>(in_bytes);
  auto* out = static_cast<char*>(out_bytes);
  for (; count >= lanes; count -= lanes, in += in_step, out += out_step)
    step(in, out);
  if (count == 0) return;
  char padded[in_step] = {}, result[out_step];
  __builtin_memcpy(padded, in, count * sizeof(typename From::element));
  step(padded, result);
  __builtin_memcpy(out, result, count * sizeof(typename To::element));
}

void narrow_any(dtype to, const void* in, void* out, size_t count) {
  const auto convert =
      to == dtype::float16 ? convert_all<plain<float>, half> : convert_all<plain<float>, brain>;
  convert(in, out, count);
}

void widen_any(dtype from, const void* in, void* out, size_t count) {
  const auto convert =
      from == dtype::float16 ? convert_all<half, plain<float>> : convert_all<brain, plain<float>>;
  convert(in, out, count);
}

} // namespace

// The build defines which of the three this is.
const isa_kernels TROUPE_KERNELS = {reduce_any, narrow_any, widen_any};

} // namespace troupe::reduction
