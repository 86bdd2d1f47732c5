#include "cli/bench/pattern.hpp"

#include "cli/bench/settings.hpp"
#include "reduction/kernels/kernels.hpp"

#include <algorithm>
#include <cstring>

namespace troupe::cli {

namespace {

template <class T>
void put(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

void put_narrow(std::byte* to, reduction::dtype type, int64_t value) {
  const auto wide = static_cast<float>(value);
  reduction::narrow(type, &wide, to, 1);
}

void store(std::byte* to, troupe_dtype type, int64_t value) {
  switch (type) {
  case TROUPE_FLOAT32:
    return put(to, static_cast<float>(value));
  case TROUPE_FLOAT64:
    return put(to, static_cast<double>(value));
  case TROUPE_FLOAT16:
    return put_narrow(to, reduction::dtype::float16, value);
  case TROUPE_BFLOAT16:
    return put_narrow(to, reduction::dtype::bfloat16, value);
  case TROUPE_INT32:
    return put(to, static_cast<int32_t>(value));
  case TROUPE_INT64:
    return put(to, value);
  case TROUPE_INT8:
    return put(to, static_cast<int8_t>(value));
  case TROUPE_UINT8:
    return put(to, static_cast<uint8_t>(value));
  }
}

/// All whole numbers up to here are values of the type.
int64_t largest_exact(troupe_dtype type) {
  switch (type) {
  case TROUPE_INT8:
    return 127;
  case TROUPE_UINT8:
    return 255;
  case TROUPE_BFLOAT16:
    return 256;
  case TROUPE_FLOAT16:
    return 2048;
  default:
    return 1 << 24;
  }
}

int64_t sum_part(troupe_dtype type, uint32_t ranks, uint32_t rank, size_t index) {
  const auto most = std::min<int64_t>(8, largest_exact(type) / ranks);
  // Too many ranks for each to put in one.
  if (most == 0) return rank == index % ranks;
  return static_cast<int64_t>(index * 5 + size_t(rank) * 3 + 1) % (most + 1);
}

/// The amounts that ranks add to the common value cancel out, so the average is a whole number.
int64_t avg_part(uint32_t ranks, uint32_t rank, size_t index) {
  const auto middle = static_cast<int64_t>(2 + index % 59);
  if (ranks == 1) return middle;
  if (ranks % 2 == 1 && rank + 3 >= ranks) return rank + 1 == ranks ? middle - 2 : middle + 1;
  return rank % 2 == 1 ? middle - 1 : middle + 1;
}

/// Each rank has its turn at a factor, so products stay small.
int64_t prod_part(uint32_t ranks, uint32_t rank, size_t index) {
  const auto first = static_cast<int64_t>(rank == index % ranks ? 1 + index % 4 : 1);
  const auto second = static_cast<int64_t>(rank == index / 7 % ranks ? 1 + index % 3 : 1);
  return first * second;
}

int64_t part(troupe_dtype type, troupe_op op, uint32_t ranks, uint32_t rank, size_t index) {
  switch (op) {
  case TROUPE_SUM:
    return sum_part(type, ranks, rank, index);
  case TROUPE_AVG:
    return avg_part(ranks, rank, index);
  case TROUPE_PROD:
    return prod_part(ranks, rank, index);
  case TROUPE_MIN:
  case TROUPE_MAX:
    break;
  }
  return static_cast<int64_t>((index * 7 + size_t(rank) * 13) % 101);
}

int64_t combined(troupe_dtype type, troupe_op op, uint32_t ranks, size_t index) {
  auto combined = part(type, op, ranks, 0, index);
  for (uint32_t rank = 1; rank < ranks; ++rank) {
    const auto next = part(type, op, ranks, rank, index);
    combined = op == TROUPE_MIN    ? std::min(combined, next)
               : op == TROUPE_MAX  ? std::max(combined, next)
               : op == TROUPE_PROD ? combined * next
                                   : combined + next;
  }
  return op == TROUPE_AVG ? combined / ranks : combined;
}

template <class Value>
std::vector<int64_t> one_period(Value value_at) {
  std::vector<int64_t> out;
  for (size_t index = 0; index < pattern_period; ++index)
    out.push_back(value_at(index));
  return out;
}

} // namespace

pattern::pattern(troupe_dtype type, const std::vector<int64_t>& values)
    : width_(size_of(type)), bytes_(values.size() * width_) {
  for (size_t i = 0; i < values.size(); ++i)
    store(bytes_.data() + i * width_, type, values[i]);
}

pattern pattern::input(troupe_dtype type, troupe_op op, uint32_t ranks, uint32_t rank) {
  return {type, one_period([&](size_t index) { return part(type, op, ranks, rank, index); })};
}

pattern pattern::reduced(troupe_dtype type, troupe_op op, uint32_t ranks) {
  return {type, one_period([&](size_t index) { return combined(type, op, ranks, index); })};
}

pattern pattern::sent(troupe_dtype type, uint32_t rank) {
  return {type, one_period([&](size_t index) {
            return static_cast<int64_t>((index * 3 + size_t(rank) * 17) % 113);
          })};
}

void pattern::fill(void* array, uint64_t count, uint64_t first) const {
  auto* to = static_cast<std::byte*>(array);
  for (uint64_t written = 0; written < count;) {
    const auto at = (first + written) % pattern_period;
    const auto run = std::min<uint64_t>(pattern_period - at, count - written);
    std::memcpy(to + written * width_, bytes_.data() + at * width_, run * width_);
    written += run;
  }
}

uint64_t pattern::wrong(const void* array, uint64_t count, uint64_t first) const {
  const auto* from = static_cast<const std::byte*>(array);
  uint64_t found = 0;
  for (uint64_t written = 0; written < count;) {
    const auto at = (first + written) % pattern_period;
    const auto run = std::min<uint64_t>(pattern_period - at, count - written);
    const auto* have = from + written * width_;
    const auto* want = bytes_.data() + at * width_;
    if (std::memcmp(have, want, run * width_) != 0)
      for (uint64_t i = 0; i < run; ++i)
        found += std::memcmp(have + i * width_, want + i * width_, width_) != 0;
    written += run;
  }
  return found;
}

} // namespace troupe::cli
