// The arithmetic of the reduction tier: n inputs to one output in a single pass, always combined in
// the order in which the inputs are given (rank order), so that a result depends on nothing but the
// values.
//
// float16 and bfloat16 are accumulated in float32 and rounded once, to nearest even. avg divides
// the sum by n: for integers the exact sum is divided and truncated toward zero. Integer sum and
// prod wrap around (two's complement). min and max give NaN where any input is NaN.
#pragma once

#include "reduction/types.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace troupe::reduction {

/// out[i] = op(inputs[0][i], inputs[1][i], ...) for i in [0, count). Every input and `out` hold
/// `count` elements of `type`, aligned to the element's size; at least one input. `out` must not
/// overlap any input.
void reduce(dtype type, reduce_op op, std::span<const void* const> inputs, void* out, size_t count);

float float_of_half(uint16_t bits);
uint16_t half_of_float(float value); // rounds to nearest even
float float_of_bfloat16(uint16_t bits);
uint16_t bfloat16_of_float(float value); // rounds to nearest even

} // namespace troupe::reduction
