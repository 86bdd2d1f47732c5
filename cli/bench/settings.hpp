// The settings of a run of `troupe bench`, from its flags: those of nccl-tests where they make
// sense, so that people and scripts can use the flags that they know.
#pragma once

#include "base/error.hpp"
#include "cli/bench/collective.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

struct bench_settings {
  const collective* operation = nullptr;
  uint64_t min_bytes = uint64_t(32) << 20;
  uint64_t max_bytes = uint64_t(32) << 20;
  uint64_t step_bytes = 0; // 0: sizes grow by step_factor
  uint64_t step_factor = 2;
  uint32_t iterations = 20;
  uint32_t warmup = 5;
  bool check = true;
  bool in_place = true;
  bool out_of_place = true;
  troupe_dtype type = TROUPE_FLOAT32;
  troupe_op op = TROUPE_SUM;
  uint32_t root = 0;
  std::optional<double> link_bytes_per_s; // a worker's line rate
};

/// The flags as they were typed.
struct bench_flags {
  std::string min_bytes = "32M";
  std::string max_bytes = "32M";
  std::string step_bytes = "0";
  uint64_t step_factor = 2;
  uint32_t iterations = 20;
  uint32_t warmup = 5;
  uint32_t check = 1;
  uint32_t root = 0;
  bool in_place = false;
  bool out_of_place = false;
  std::string type = "float";
  std::string op = "sum";
  std::string link;
};

/// Errors: invalid_argument naming the flag.
result<bench_settings> settings_of(const bench_flags& flags, const collective& operation);

/// The flags with which another process measures the same; the subcommand comes first.
std::vector<std::string> arguments_of(const bench_settings& settings);

/// "8", "64K", "1MiB", "2G": powers of 1024. Errors: invalid_argument naming `flag`.
result<uint64_t> parse_bytes(std::string_view flag, std::string_view value);

/// "1gbit", "100mbit", "2.5gbit/s" in bytes per second. Errors: invalid_argument naming `flag`.
result<double> parse_link(std::string_view flag, std::string_view value);

/// "1 Gbit/s"
std::string link_rate(double bytes_per_s);

/// nccl-tests' name: "float", "half", "bfloat16". The parser takes "float32" and the like as well.
std::string_view name_of(troupe_dtype type);
std::string_view name_of(troupe_op op);
size_t size_of(troupe_dtype type);

/// The `count` of each step, ascending, each once: sizes are rounded down to whole elements on
/// every rank.
std::vector<uint64_t> counts_of(const bench_settings& settings, uint32_t ranks);

} // namespace troupe::cli
