// The arrays of a benchmark, and the results that must come out. Values are small integers that
// every element type represents and that stay exact through the reduction, so a result is right to
// the bit or wrong. They repeat with a prime period: an array that lands a chunk too far shows.
#pragma once

#include "reduction/api/troupe.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::cli {

inline constexpr size_t pattern_period = 1021;

/// One period of elements of a type.
class pattern {
public:
  /// The input of `rank` for a reduction by `op` over `ranks`.
  static pattern input(troupe_dtype type, troupe_op op, uint32_t ranks, uint32_t rank);
  /// The result of reducing all ranks' inputs.
  static pattern reduced(troupe_dtype type, troupe_op op, uint32_t ranks);
  /// The elements that `rank` sends in a collective that reduces nothing.
  static pattern sent(troupe_dtype type, uint32_t rank);

  /// Writes elements `first` to `first + count` of the endless pattern.
  void fill(void* array, uint64_t count, uint64_t first = 0) const;
  /// How many elements of `array` are not those of the pattern.
  uint64_t wrong(const void* array, uint64_t count, uint64_t first = 0) const;

private:
  pattern(troupe_dtype type, const std::vector<int64_t>& values);

  size_t width_;
  std::vector<std::byte> bytes_;
};

} // namespace troupe::cli
