#include "cli/terminal/format.hpp"

#include "wire/enum_names.hpp"
#include "wire/lifecycle.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>

namespace troupe::cli {

namespace {

/// Reads exactly `digits` decimal digits and then `after` (unless that is 0).
std::optional<int> take(std::string_view& text, size_t digits, char after) {
  int value = 0;
  if (text.size() < digits + (after ? 1 : 0)) return {};
  auto [end, problem] = std::from_chars(text.data(), text.data() + digits, value);
  if (problem != std::errc() || end != text.data() + digits || (after && text[digits] != after))
    return {};
  text.remove_prefix(digits + (after ? 1 : 0));
  return value;
}

/// Takes ".123456789" to microseconds.
std::optional<int64_t> take_fraction(std::string_view& text) {
  if (text.empty() || text[0] != '.') return 0;
  text.remove_prefix(1);
  int64_t value = 0;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    if (digits < 6) value = value * 10 + (text[digits] - '0');
  if (digits == 0) return {};
  for (size_t filled = digits; filled < 6; ++filled)
    value *= 10;
  text.remove_prefix(digits);
  return value;
}

std::string local(std::optional<instant> at, const char* form) {
  if (!at) return "-";
  std::time_t seconds = std::chrono::floor<std::chrono::seconds>(*at).time_since_epoch().count();
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, form, &parts)};
}

} // namespace

std::optional<instant> parse_time(std::string_view text) {
  auto year = take(text, 4, '-');
  auto month = year ? take(text, 2, '-') : std::nullopt;
  auto day = month ? take(text, 2, 'T') : std::nullopt;
  auto hour = day ? take(text, 2, ':') : std::nullopt;
  auto minute = hour ? take(text, 2, ':') : std::nullopt;
  auto second = minute ? take(text, 2, 0) : std::nullopt;
  auto fraction = second ? take_fraction(text) : std::nullopt;
  if (!fraction || text != "Z") return {};
  auto date = std::chrono::year(*year) / std::chrono::month(*month) / std::chrono::day(*day);
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return {};
  return instant(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour)
                 + std::chrono::minutes(*minute) + std::chrono::seconds(*second)
                 + micros(*fraction));
}

std::optional<micros> parse_span(std::string_view text) {
  if (!text.ends_with('s')) return {};
  double seconds = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size() - 1, seconds);
  if (problem != std::errc() || end != text.data() + text.size() - 1 || !(std::abs(seconds) < 1e12))
    return {};
  return micros(std::llround(seconds * 1e6));
}

std::string local_time(std::optional<instant> at) { return local(at, "%Y-%m-%d %H:%M:%S"); }
std::string log_time(std::optional<instant> at) { return local(at, "%Y-%m-%d %H:%M:%S %z"); }
std::string clock_time(instant at) { return local(at, "%H:%M:%S"); }

std::string span(micros length) {
  auto total = length.count() < 0 ? 0 : length.count();
  if (total < 9'950'000) return fmt::format("{:.1f}s", static_cast<double>(total) / 1e6);
  auto seconds = (total + 500'000) / 1'000'000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{}d{:02}h", seconds / 86400, seconds % 86400 / 3600);
}

std::string age(instant then, instant now) {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  if (seconds < 2) return "just now";
  if (seconds < 60) return fmt::format("{}s ago", seconds);
  if (seconds < 3600) return fmt::format("{}m ago", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h ago", seconds / 3600);
  return fmt::format("{}d ago", seconds / 86400);
}

std::string byte_amount(uint64_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  auto rounded = std::round(value * 10) / 10;
  return fmt::format("{} {}", rounded, units[unit]);
}

std::string cpu_amount(uint64_t millis) {
  return fmt::format("{}", static_cast<double>(millis) / 1000);
}

std::string short_state(std::string_view state) {
  for (std::string_view prefix : {"JOB_STATE_", "STATE_"})
    if (state.starts_with(prefix)) return std::string(state.substr(prefix.size()));
  return std::string(state.empty() ? "UNSPECIFIED" : state);
}

std::string metric(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{:.6g}", value);
}

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

bool is_final(std::string_view state) {
  const auto known = wire::enum_named<wire::JobState>(state);
  return known && wire::is_over(*known);
}

} // namespace troupe::cli
