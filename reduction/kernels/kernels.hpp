// The arithmetic of the reduction tier: n inputs to one output in a single pass, always combined in
// the order in which the inputs are given (rank order), so that a result depends on nothing but the
// values: not on the instruction set, nor on the calling thread's rounding mode or flush-to-zero.
//
// float16 and bfloat16 are accumulated in float32 and rounded once, to nearest even. avg divides
// the sum by n: for integers the exact sum is divided and truncated toward zero. Integer sum and
// prod wrap around (two's complement). min and max give NaN where any input is NaN, and the earlier
// input where two are equal (zeros of either sign). Processors differ in which NaN they make, so
// every NaN in a result, of one input as of many, is the positive quiet one without payload:
// 0x7ff8000000000000, 0x7fc00000, 0x7e00 (float16), 0x7fc0 (bfloat16).
#pragma once

#include "reduction/kernels/types.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace troupe::reduction {

/// The most inputs of one call: averages of 8-bit integers are summed exactly in float32.
inline constexpr size_t max_inputs = 65536;

/// out[i] = op(inputs[0][i], inputs[1][i], ...) for i in [0, count). Every input holds `count`
/// elements of `type` at any byte address; `out` is aligned to the element and overlaps no input.
/// 1 to max_inputs inputs.
void reduce(dtype type, reduce_op op, std::span<const void* const> inputs, void* out, size_t count);

/// out[i] = in[i] as float16 or bfloat16, rounded to nearest even; all NaNs become the one above.
void narrow(dtype to, const float* in, void* out, size_t count);

/// out[i] = the float16 or bfloat16 in[i], at any byte address; all NaNs become the one above.
void widen(dtype from, const void* in, float* out, size_t count);

/// The instruction sets that the kernels are compiled for, worst first.
enum class kernel_isa : uint8_t { portable, avx2, avx512 };
inline constexpr unsigned kernel_isa_count = 3;

constexpr std::string_view name_of(kernel_isa isa) {
  constexpr std::string_view names[] = {"portable", "avx2", "avx512"};
  return names[static_cast<uint8_t>(isa)];
}

/// The instruction set of the functions above: at first the one that TROUPE_ISA names, otherwise
/// the best that this processor has.
kernel_isa active_isa();

/// For tests and benchmarks: changes active_isa() for the whole process. False, and nothing
/// changed, where this processor does not have it.
bool use_isa(kernel_isa isa);

} // namespace troupe::reduction
