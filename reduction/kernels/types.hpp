// Element types and reduction operators, as they travel in chunk headers and in the C API. The
// numbers are part of the wire protocol and of the C ABI: never renumber, only add.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::reduction {

enum class dtype : uint8_t { float32, float64, float16, bfloat16, int32, int64, int8, uint8 };
inline constexpr unsigned dtype_count = 8;

enum class reduce_op : uint8_t { sum, avg, min, max, prod };
inline constexpr unsigned reduce_op_count = 5;

constexpr size_t size_of(dtype type) {
  switch (type) {
  case dtype::int8:
  case dtype::uint8:
    return 1;
  case dtype::float16:
  case dtype::bfloat16:
    return 2;
  case dtype::float32:
  case dtype::int32:
    return 4;
  case dtype::float64:
  case dtype::int64:
    return 8;
  }
  return 0;
}

constexpr std::string_view name_of(dtype type) {
  constexpr std::string_view names[] = {"float32", "float64", "float16", "bfloat16",
                                        "int32",   "int64",   "int8",    "uint8"};
  return names[static_cast<uint8_t>(type)];
}

constexpr std::string_view name_of(reduce_op op) {
  constexpr std::string_view names[] = {"sum", "avg", "min", "max", "prod"};
  return names[static_cast<uint8_t>(op)];
}

} // namespace troupe::reduction
