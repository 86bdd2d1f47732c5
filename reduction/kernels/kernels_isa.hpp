// The seam between the choice of an instruction set (kernels.cpp) and the kernels themselves
// (kernels_isa.cpp, which is compiled once for each set). Kept free of anything inline: the linker
// keeps one copy of an inline function, and that copy might be the one with instructions that the
// processor lacks.
#pragma once

#include "reduction/kernels/types.hpp"

namespace troupe::reduction {

/// reduce, narrow and widen of kernels.hpp, for one instruction set. The average of int64 is not
/// here: it needs 128-bit sums, for which there are no vector instructions.
struct isa_kernels {
  void (*reduce)(dtype type, reduce_op op, const void* const* inputs, size_t input_count, void* out,
                 size_t count);
  void (*narrow)(dtype to, const void* in, void* out, size_t count);
  void (*widen)(dtype from, const void* in, void* out, size_t count);
};

extern const isa_kernels portable_kernels, avx2_kernels, avx512_kernels;

} // namespace troupe::reduction
