#include "reduction/kernels/kernels.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

namespace troupe::reduction::test {
namespace {

struct restored_isa {
  kernel_isa before = active_isa();
  ~restored_isa() { use_isa(before); }
};

template <class Body>
void on_each_isa(Body body) {
  const restored_isa restored;
  for (unsigned isa = 0; isa < kernel_isa_count; ++isa) {
    if (!use_isa(static_cast<kernel_isa>(isa))) continue;
    CAPTURE(name_of(static_cast<kernel_isa>(isa)));
    body();
  }
}

// The reference: one element at a time, with the compiler's half type. A format defines how an
// element is stored, what it is combined in, and how the accumulator is divided and stored again.

template <class T>
T canonical(T value) {
  return value != value ? std::numeric_limits<T>::quiet_NaN() : value;
}

template <class T>
struct real {
  using stored = T;
  static T widen(T value) { return value; }
  static T narrow(T value) { return canonical(value); }
};

struct half {
  using stored = uint16_t;
  static float widen(uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }
  static uint16_t narrow(float value) {
    return std::isnan(value) ? 0x7e00 : std::bit_cast<uint16_t>(static_cast<_Float16>(value));
  }
};

struct brain {
  using stored = uint16_t;
  static float widen(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
  // Nearest even among the two neighbours, by distance in float64.
  static uint16_t narrow(float value) {
    if (std::isnan(value)) return 0x7fc0;
    const auto low = static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
    if (std::isinf(value)) return low;
    const auto high = static_cast<uint16_t>(low + 1);
    // One past the largest finite value stands for infinity, at the distance it would have were it
    // finite.
    const double at_low = widen(low);
    const double at_high =
        std::isinf(widen(high)) ? std::copysign(std::ldexp(1.0, 128), at_low) : widen(high);
    const double to_low = std::abs(value - at_low), to_high = std::abs(at_high - value);
    if (to_low == to_high) return low % 2 == 0 ? low : high;
    return to_low < to_high ? low : high;
  }
};

// Sums and products modulo 2^128 hold those modulo less, and sums that are exact.
template <class T>
struct whole {
  using stored = T;
  static unsigned __int128 widen(T value) { return static_cast<__int128>(value); }
  static T narrow(unsigned __int128 value) { return static_cast<T>(value); }
};

template <class A>
bool is_less(A a, A b) {
  if constexpr (std::is_floating_point_v<A>)
    return a < b;
  else
    return static_cast<__int128>(a) < static_cast<__int128>(b);
}

template <class A>
A combined(reduce_op op, A a, A b) {
  switch (op) {
  case reduce_op::sum:
  case reduce_op::avg:
    return a + b;
  case reduce_op::prod:
    return a * b;
  case reduce_op::min:
    return is_less(b, a) || b != b ? b : a;
  case reduce_op::max:
    return is_less(a, b) || b != b ? b : a;
  }
  return a;
}

template <class A>
A divided(A sum, size_t by) {
  if constexpr (std::is_floating_point_v<A>)
    return sum / static_cast<A>(by);
  else
    return static_cast<A>(static_cast<__int128>(sum) / static_cast<__int128>(by));
}

/// Bytes at an address that is aligned to nothing.
class unaligned_bytes {
public:
  unaligned_bytes(size_t size, size_t shift, std::mt19937& random)
      : bytes_(size + shift), shift_(shift) {
    for (auto& each : bytes_)
      each = static_cast<unsigned char>(random());
  }
  unsigned char* data() { return bytes_.data() + shift_; }
  template <class T>
  T at(size_t i) const {
    T out;
    std::memcpy(&out, bytes_.data() + shift_ + i * sizeof(T), sizeof(T));
    return out;
  }

private:
  std::vector<unsigned char> bytes_;
  size_t shift_;
};

template <class T>
T random_special(std::mt19937& random) {
  if constexpr (std::is_floating_point_v<T>) {
    using limits = std::numeric_limits<T>;
    const T values[] = {0,
                        -T{0},
                        1,
                        -1,
                        limits::infinity(),
                        -limits::infinity(),
                        limits::quiet_NaN(),
                        -limits::quiet_NaN(),
                        limits::signaling_NaN(),
                        limits::denorm_min(),
                        limits::min(),
                        limits::max(),
                        limits::lowest()};
    return values[random() % std::size(values)];
  } else { // 16-bit floats are here too: zeros, infinities, NaNs, neighbours of zero
    const T top = static_cast<T>(T{1} << (sizeof(T) * 8 - 1));
    const uint16_t patterns[] = {0, 1, 2, 0x7c00, 0x7f80, 0x7fff, 0x7c01, 0x7f81, 0x7bff, 0x7f7f};
    return static_cast<T>(patterns[random() % std::size(patterns)] | (random() % 2 ? top : T{0}));
  }
}

/// Random bits, every fourth of them a special value, and from there on values of like size.
template <class T>
unaligned_bytes random_input(size_t count, size_t shift, std::mt19937& random) {
  unaligned_bytes out(count * sizeof(T), shift, random);
  for (size_t i = 0; i < count; ++i) {
    T value = out.at<T>(i);
    if (random() % 4 == 0)
      value = random_special<T>(random);
    else if (std::is_floating_point_v<T> && random() % 2)
      value = static_cast<T>(std::ldexp(static_cast<double>(random()) - 2e9, -35));
    std::memcpy(out.data() + i * sizeof(T), &value, sizeof(T));
  }
  return out;
}

template <class Format>
void check_reduce(dtype type, size_t inputs, size_t count, std::mt19937& random) {
  using stored = typename Format::stored;
  std::vector<unaligned_bytes> memory;
  std::vector<const void*> pointers;
  for (size_t rank = 0; rank < inputs; ++rank)
    memory.push_back(random_input<stored>(count, random() % 67, random));
  for (auto& each : memory)
    pointers.push_back(each.data());
  for (unsigned number = 0; number < reduce_op_count; ++number) {
    const auto op = static_cast<reduce_op>(number);
    std::vector<stored> expected(count);
    for (size_t i = 0; i < count; ++i) {
      auto sum = Format::widen(memory[0].template at<stored>(i));
      for (size_t rank = 1; rank < inputs; ++rank)
        sum = combined(op, sum, Format::widen(memory[rank].template at<stored>(i)));
      if (op == reduce_op::avg) sum = divided(sum, inputs);
      expected[i] = Format::narrow(sum);
    }
    on_each_isa([&] {
      CAPTURE(name_of(type));
      CAPTURE(name_of(op));
      CAPTURE(inputs);
      CAPTURE(count);
      // One element more than asked for, to see that it is left alone.
      std::vector<stored> out(count + 1, stored{77});
      reduce(type, op, pointers, out.data(), count);
      CHECK((count == 0 || std::memcmp(out.data(), expected.data(), count * sizeof(stored)) == 0));
      CHECK(out[count] == stored{77});
    });
  }
}

void check_all_types(size_t inputs, size_t count, std::mt19937& random) {
  check_reduce<real<float>>(dtype::float32, inputs, count, random);
  check_reduce<real<double>>(dtype::float64, inputs, count, random);
  check_reduce<half>(dtype::float16, inputs, count, random);
  check_reduce<brain>(dtype::bfloat16, inputs, count, random);
  check_reduce<whole<int32_t>>(dtype::int32, inputs, count, random);
  check_reduce<whole<int64_t>>(dtype::int64, inputs, count, random);
  check_reduce<whole<int8_t>>(dtype::int8, inputs, count, random);
  check_reduce<whole<uint8_t>>(dtype::uint8, inputs, count, random);
}

template <class T>
T reduced(dtype type, reduce_op op, std::vector<T> values) {
  std::vector<const void*> inputs;
  for (const auto& value : values)
    inputs.push_back(&value);
  T out{};
  reduce(type, op, inputs, &out, 1);
  return out;
}

template <class Format>
bool narrows_right(dtype to, const std::vector<float>& values) {
  std::vector<uint16_t> out(values.size());
  narrow(to, values.data(), out.data(), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    if (out[i] != Format::narrow(values[i])) return false;
  return true;
}

template <class Format>
bool widens_right(dtype from, const std::vector<uint16_t>& values) {
  std::vector<char> shifted(values.size() * 2 + 1);
  std::copy_n(reinterpret_cast<const char*>(values.data()), values.size() * 2, shifted.data() + 1);
  std::vector<float> out(values.size());
  widen(from, shifted.data() + 1, out.data(), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    if (std::bit_cast<uint32_t>(out[i])
        != std::bit_cast<uint32_t>(canonical(Format::widen(values[i]))))
      return false;
  return true;
}

} // namespace

TEST_CASE(
    "every type, operator and instruction set equals a plain loop in rank order, bit for bit") {
  std::mt19937 random(7);
  for (const size_t inputs : {1, 2, 3, 4, 5, 6, 7, 8, 9, 17})
    for (const size_t count : {0, 1, 7, 63, 64, 131, 1029})
      check_all_types(inputs, count, random);
}

TEST_CASE("every length up to a few vectors, with nothing touched beyond the end") {
  std::mt19937 random(8);
  for (size_t count = 0; count < 150; ++count)
    check_all_types(3, count, random);
}

TEST_CASE("every 16-bit value widens right") {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<uint16_t>(i);
  on_each_isa([&] {
    CHECK(widens_right<half>(dtype::float16, all));
    CHECK(widens_right<brain>(dtype::bfloat16, all));
    for (size_t count = 0; count < 40; ++count) {
      CHECK(widens_right<half>(dtype::float16, {all.begin(), all.begin() + count}));
      CHECK(widens_right<brain>(dtype::bfloat16, {all.begin(), all.begin() + count}));
    }
  });
}

TEST_CASE("narrowing rounds to nearest even") {
  // All upper halves, with lower ones around every tie, and a stride through all bit patterns.
  std::vector<float> values;
  for (uint32_t upper = 0; upper < 65536; ++upper)
    for (const uint32_t lower : {0x0000U, 0x0001U, 0x0fffU, 0x1000U, 0x1001U, 0x2fffU, 0x3000U,
                                 0x7fffU, 0x8000U, 0x8001U, 0xffffU})
      values.push_back(std::bit_cast<float>(upper << 16 | lower));
  for (uint64_t raw = 0; raw < (uint64_t{1} << 32); raw += 16381)
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(raw)));
  on_each_isa([&] {
    CHECK(narrows_right<half>(dtype::float16, values));
    CHECK(narrows_right<brain>(dtype::bfloat16, values));
    for (size_t count = 0; count < 40; ++count) {
      CHECK(narrows_right<half>(dtype::float16, {values.begin(), values.begin() + count}));
      CHECK(narrows_right<brain>(dtype::bfloat16, {values.begin(), values.begin() + count}));
    }
  });
}

TEST_CASE("16-bit sums are accumulated in float32 and rounded once") {
  // 2048 + 1 + 1 in half precision is 2048 when rounded at every step.
  const auto bits = half::narrow;
  on_each_isa([&] {
    CHECK(reduced<uint16_t>(dtype::float16, reduce_op::sum, {bits(2048), bits(1), bits(1)})
          == bits(2050));
  });
}

TEST_CASE("integers: sums wrap, averages are exact and truncate toward zero") {
  constexpr auto max32 = std::numeric_limits<int32_t>::max();
  constexpr auto min32 = std::numeric_limits<int32_t>::min();
  constexpr auto max64 = std::numeric_limits<int64_t>::max();
  on_each_isa([&] {
    CHECK(reduced<int32_t>(dtype::int32, reduce_op::sum, {max32, 1}) == min32);
    CHECK(reduced<int8_t>(dtype::int8, reduce_op::sum, {127, 1}) == -128);
    CHECK(reduced<uint8_t>(dtype::uint8, reduce_op::prod, {16, 17}) == 16);
    CHECK(reduced<int32_t>(dtype::int32, reduce_op::avg, {max32, max32}) == max32);
    CHECK(reduced<int64_t>(dtype::int64, reduce_op::avg, {max64, max64}) == max64);
    CHECK(reduced<uint8_t>(dtype::uint8, reduce_op::avg, {255, 254}) == 254);
    CHECK(reduced<int32_t>(dtype::int32, reduce_op::avg, {-3, 0}) == -1);
    CHECK(reduced<int64_t>(dtype::int64, reduce_op::avg, {-3, 0}) == -1);
    CHECK(reduced<int8_t>(dtype::int8, reduce_op::avg, {-3, 0}) == -1);
    CHECK(reduced<int32_t>(dtype::int32, reduce_op::avg, {3, 0}) == 1);
  });
}

TEST_CASE("averages stay exact with the most inputs there can be") {
  on_each_isa([&] {
    std::vector<uint8_t> bytes(max_inputs, 255);
    CHECK(reduced(dtype::uint8, reduce_op::avg, bytes) == 255);
    bytes.back() = 254;
    CHECK(reduced(dtype::uint8, reduce_op::avg, bytes) == 254);
    std::vector<int32_t> lowest(max_inputs, std::numeric_limits<int32_t>::min());
    CHECK(reduced(dtype::int32, reduce_op::avg, lowest) == lowest[0]);
    lowest.back() += 1;
    CHECK(reduced(dtype::int32, reduce_op::avg, lowest) == lowest[0] + 1);
  });
}

#ifdef __x86_64__
TEST_CASE("the thread's rounding mode and flush-to-zero change nothing, and are kept") {
  constexpr unsigned flush_and_round_up = 0x8040 | 0x4000 | 0x1f80;
  const unsigned before = _mm_getcsr();
  on_each_isa([&] {
    const float tiny = std::numeric_limits<float>::denorm_min();
    const auto sum = [&] {
      _mm_setcsr(flush_and_round_up);
      const float out = reduced<float>(dtype::float32, reduce_op::sum, {tiny, tiny});
      const unsigned after = _mm_getcsr();
      _mm_setcsr(before);
      CHECK((after & ~0x3fU) == flush_and_round_up);
      return std::bit_cast<uint32_t>(out);
    };
    CHECK(sum() == 2);
  });
}
#endif

// Run by the next case, in another process.
TEST_CASE("the first choice" * doctest::skip()) {
  const char* const expected = std::getenv("EXPECTED_ISA");
  CHECK((expected && name_of(active_isa()) == expected));
}

TEST_CASE("TROUPE_ISA chooses the instruction set, and an unknown value is ignored") {
  const restored_isa restored;
  std::vector<std::string> known;
  for (unsigned isa = 0; isa < kernel_isa_count; ++isa)
    if (use_isa(static_cast<kernel_isa>(isa)))
      known.emplace_back(name_of(static_cast<kernel_isa>(isa)));
  const auto expect = [](const std::string& wish, const std::string& expected) {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto command = "TROUPE_ISA='" + wish + "' EXPECTED_ISA=" + expected + " '" + program
                         + "' --no-skip --test-case='the first choice' >/dev/null";
    CAPTURE(command);
    CHECK(std::system(command.c_str()) == 0);
  };
  for (const auto& isa : known)
    expect(isa, isa);
  expect("", known.back());
  expect("avx9000", known.back());
}

TEST_CASE("an instruction set is used only where the processor has it") {
  const restored_isa restored;
  CHECK(use_isa(kernel_isa::portable));
  CHECK(active_isa() == kernel_isa::portable);
  for (const auto isa : {kernel_isa::avx2, kernel_isa::avx512}) {
    const auto before = active_isa();
    CHECK(active_isa() == (use_isa(isa) ? isa : before));
  }
}

} // namespace troupe::reduction::test
