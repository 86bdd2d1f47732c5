#include "cli/bench/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace troupe::cli {

namespace {

struct type_entry {
  troupe_dtype type;
  std::string_view name;
  std::string_view also;
  size_t bytes;
};

constexpr std::array types = {
    type_entry{TROUPE_FLOAT32, "float", "float32", 4},
    type_entry{TROUPE_FLOAT64, "double", "float64", 8},
    type_entry{TROUPE_FLOAT16, "half", "float16", 2},
    type_entry{TROUPE_BFLOAT16, "bfloat16", "bf16", 2},
    type_entry{TROUPE_INT32, "int32", "int", 4},
    type_entry{TROUPE_INT64, "int64", "long", 8},
    type_entry{TROUPE_INT8, "int8", "char", 1},
    type_entry{TROUPE_UINT8, "uint8", "byte", 1},
};

constexpr std::array ops = {
    std::pair{TROUPE_SUM, std::string_view("sum")},
    std::pair{TROUPE_AVG, std::string_view("avg")},
    std::pair{TROUPE_MIN, std::string_view("min")},
    std::pair{TROUPE_MAX, std::string_view("max")},
    std::pair{TROUPE_PROD, std::string_view("prod")},
};

const type_entry& entry_of(troupe_dtype type) {
  return *std::ranges::find(types, type, &type_entry::type);
}

result<troupe_dtype> parse_type(std::string_view value) {
  for (auto& each : types)
    if (value == each.name || value == each.also) return each.type;
  return fail(errc::invalid_argument,
              "--datatype: unknown type '{}'; expected float, double, half, bfloat16, int32, "
              "int64, int8 or uint8",
              value);
}

result<troupe_op> parse_op(std::string_view value) {
  for (auto& [op, name] : ops)
    if (value == name) return op;
  return fail(errc::invalid_argument,
              "--op: unknown operator '{}'; expected sum, avg, min, max or prod", value);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& each : out)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return out;
}

result<> check_sizes(const bench_settings& settings) {
  if (settings.max_bytes < settings.min_bytes)
    return fail(errc::invalid_argument,
                "--maxbytes is {} and --minbytes {}; expected the first to be no less",
                settings.max_bytes, settings.min_bytes);
  if (settings.step_bytes == 0 && settings.step_factor < 2)
    return fail(errc::invalid_argument,
                "--stepfactor is {}; expected at least 2, or a step in bytes by --stepbytes",
                settings.step_factor);
  return {};
}

} // namespace

std::string_view name_of(troupe_dtype type) { return entry_of(type).name; }
size_t size_of(troupe_dtype type) { return entry_of(type).bytes; }

std::string_view name_of(troupe_op op) {
  return std::ranges::find(ops, op, [](auto& each) { return each.first; })->second;
}

result<uint64_t> parse_bytes(std::string_view flag, std::string_view value) {
  uint64_t amount = 0;
  auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), amount);
  auto unit = lower(value.substr(static_cast<size_t>(end - value.data())));
  if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
  constexpr std::string_view units = "kmgt";
  const auto power = unit.size() == 1 ? units.find(unit[0]) : std::string_view::npos;
  const bool known = unit.empty() ? !lower(value).ends_with("ib") : power != units.npos;
  const auto shift = unit.empty() ? 0 : 10 * (power + 1);
  if (problem != std::errc() || !known || amount > (uint64_t(1) << 50) >> shift)
    return fail(errc::invalid_argument,
                "{}: '{}' is no amount of bytes; expected a whole number, with K, M, G or T for "
                "powers of 1024, as 64K; at most 1024T",
                flag, value);
  return amount << shift;
}

result<double> parse_link(std::string_view flag, std::string_view value) {
  auto text = lower(value);
  if (text.ends_with("/s")) text.resize(text.size() - 2);
  double amount = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), amount);
  const auto unit = std::string_view(text).substr(static_cast<size_t>(end - text.data()));
  const double bits = unit == "kbit"   ? 1e3
                      : unit == "mbit" ? 1e6
                      : unit == "gbit" ? 1e9
                      : unit == "tbit" ? 1e12
                                       : 0;
  if (problem != std::errc() || bits == 0 || !(amount > 0) || !(amount < 1e9))
    return fail(errc::invalid_argument,
                "{}: '{}' is no line rate; expected a number with kbit, mbit, gbit or tbit, as "
                "100gbit",
                flag, value);
  return amount * bits / 8;
}

std::string link_rate(double bytes_per_s) {
  const double bits = bytes_per_s * 8;
  if (bits >= 1e12) return fmt::format("{:.6g} Tbit/s", bits / 1e12);
  if (bits >= 1e9) return fmt::format("{:.6g} Gbit/s", bits / 1e9);
  if (bits >= 1e6) return fmt::format("{:.6g} Mbit/s", bits / 1e6);
  return fmt::format("{:.6g} kbit/s", bits / 1e3);
}

result<bench_settings> settings_of(const bench_flags& flags, const collective& operation) {
  bench_settings out{.operation = &operation};
  const auto min_bytes = parse_bytes("--minbytes", flags.min_bytes);
  if (!min_bytes) return std::unexpected(min_bytes.error());
  const auto max_bytes = parse_bytes("--maxbytes", flags.max_bytes);
  if (!max_bytes) return std::unexpected(max_bytes.error());
  const auto step_bytes = parse_bytes("--stepbytes", flags.step_bytes);
  if (!step_bytes) return std::unexpected(step_bytes.error());
  const auto type = parse_type(flags.type);
  if (!type) return std::unexpected(type.error());
  const auto op = parse_op(flags.op);
  if (!op) return std::unexpected(op.error());
  if (!flags.link.empty()) {
    const auto link = parse_link("--link", flags.link);
    if (!link) return std::unexpected(link.error());
    out.link_bytes_per_s = *link;
  }
  out.min_bytes = *min_bytes;
  out.max_bytes = *max_bytes;
  out.step_bytes = *step_bytes;
  out.step_factor = flags.step_factor;
  out.iterations = flags.iterations;
  out.warmup = flags.warmup;
  out.check = flags.check != 0 && operation.shape != array_shape::none;
  out.type = *type;
  out.op = *op;
  out.root = flags.root;
  // Neither means both.
  out.in_place = flags.in_place || !flags.out_of_place;
  out.out_of_place = flags.out_of_place || !flags.in_place;
  if (!operation.has_out_of_place) {
    if (!out.in_place)
      return fail(errc::invalid_argument, "--out-of-place: {} works in place only", operation.name);
    out.out_of_place = false;
  }
  if (auto checked = check_sizes(out); !checked) return std::unexpected(checked.error());
  return out;
}

std::vector<std::string> arguments_of(const bench_settings& settings) {
  std::vector<std::string> out = {std::string(settings.operation->name), "-n",
                                  std::to_string(settings.iterations), "-w",
                                  std::to_string(settings.warmup)};
  const auto add = [&](const char* flag, const auto& value) {
    out.emplace_back(flag);
    out.push_back(fmt::format("{}", value));
  };
  if (settings.operation->shape == array_shape::none) return out;
  add("-b", settings.min_bytes);
  add("-e", settings.max_bytes);
  add("-i", settings.step_bytes);
  add("-f", settings.step_factor);
  add("-c", settings.check ? 1 : 0);
  add("-d", name_of(settings.type));
  if (settings.operation->reduces) add("-o", name_of(settings.op));
  if (settings.operation->rooted) add("-r", settings.root);
  if (settings.operation->has_out_of_place && !settings.out_of_place)
    out.emplace_back("--in-place");
  if (!settings.in_place) out.emplace_back("--out-of-place");
  return out;
}

std::vector<uint64_t> counts_of(const bench_settings& settings, uint32_t ranks) {
  if (settings.operation->shape == array_shape::none) return {0};
  const auto parts = settings.operation->parts(ranks);
  std::vector<uint64_t> out;
  for (auto bytes = settings.min_bytes; bytes <= settings.max_bytes;) {
    const auto count = bytes / (size_of(settings.type) * parts);
    if (out.empty() || out.back() != count) out.push_back(count);
    const auto next = settings.step_bytes > 0 ? bytes + settings.step_bytes
                                              : std::max(bytes * settings.step_factor, bytes + 1);
    // A factor takes 0 to the first size that is one element.
    bytes = bytes == 0 && settings.step_bytes == 0 ? size_of(settings.type) * parts : next;
  }
  return out;
}

} // namespace troupe::cli
