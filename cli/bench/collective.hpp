// The collectives that `troupe bench` measures, as a table: their differences are data, and the
// loop, the check and the report are written once.
#pragma once

#include "reduction/api/troupe.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace troupe::cli {

/// Which arrays a collective has, for `count` elements and n ranks.
enum class array_shape : uint8_t {
  none,    // no arrays at all
  equal,   // input and output of count elements
  scatter, // input of n * count, output of count
  gather,  // input of count, output of n * count
};

struct bench_call {
  const void* input = nullptr;
  void* output = nullptr;
  size_t count = 0;
  troupe_dtype type = TROUPE_FLOAT32;
  troupe_op op = TROUPE_SUM;
  uint32_t root = 0;
};

struct collective {
  std::string_view name;
  std::string_view about;
  array_shape shape;
  bool reduces;
  bool rooted;
  bool has_out_of_place;
  troupe_status (*run)(troupe_comm*, const bench_call&);
  double (*bus_factor)(uint32_t ranks);   // busbw = algbw * this, as in nccl-tests
  double (*bound_factor)(uint32_t ranks); // no worker's link can carry less: this * size

  /// Arrays of `count` that make up the size: the larger one of input and output.
  uint64_t parts(uint32_t ranks) const {
    return shape == array_shape::scatter || shape == array_shape::gather ? ranks : 1;
  }
};

std::span<const collective> collectives();

} // namespace troupe::cli
