#include "wire/json_scalars.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

namespace troupe::wire {

namespace {

constexpr int64_t micros_per_second = 1'000'000;
constexpr int64_t duration_seconds_max = 315'576'000'000;  // google.protobuf.Duration's own bound
constexpr int64_t timestamp_seconds_min = -62'135'596'800; // 0001-01-01T00:00:00Z
constexpr int64_t timestamp_seconds_max = 253'402'300'799; // 9999-12-31T23:59:59Z

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// from_chars alone would also take "inf", "nan(...)" and hexadecimal floats.
bool is_number(std::string_view text) {
  size_t at = text.starts_with('-') ? 1 : 0, digits = 0;
  for (; at < text.size() && is_digit(text[at]); ++at)
    ++digits;
  if (at < text.size() && text[at] == '.')
    for (++at; at < text.size() && is_digit(text[at]); ++at)
      ++digits;
  if (digits == 0 || at == text.size()) return digits > 0;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  const auto exponent = text.substr(at);
  return !exponent.empty() && exponent.find_first_not_of("0123456789") == exponent.npos;
}

template <class Integer>
std::optional<Integer> whole(std::string_view literal) {
  if (literal.starts_with('+') && !literal.starts_with("+-")) literal.remove_prefix(1);
  Integer value = 0;
  const auto end = literal.data() + literal.size();
  const auto [rest, problem] = std::from_chars(literal.data(), end, value);
  if (problem == std::errc{} && rest == end) return value;
  const auto real = number_of(literal);
  if (!real || std::trunc(*real) != *real) return std::nullopt;
  // 2^63 and 2^64 are doubles; the largest integers below them are not.
  const double bound = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
  if (!(*real < bound) || *real < static_cast<double>(std::numeric_limits<Integer>::min()))
    return std::nullopt;
  // A double this large stands for several integers, so only digits written in full are exact.
  if (std::abs(*real) > std::ldexp(1.0, 53)) return std::nullopt;
  return static_cast<Integer>(*real);
}

// ".123456789" at the front of `text`, as micros; takes it off. None if the dot has 0 or more than
// 9 digits after it.
std::optional<int64_t> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  int64_t micros = 0, weight = 100'000;
  size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits, weight /= 10)
    micros += weight * (text[digits] - '0');
  if (digits == 0 || digits > 9) return std::nullopt;
  text.remove_prefix(digits);
  return micros;
}

std::optional<int> take_digits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

// Two digits behind `separator`; '\0' for none.
std::optional<int> take_pair(std::string_view& text, char separator, int most) {
  if (separator != '\0') {
    if (!text.starts_with(separator)) return std::nullopt;
    text.remove_prefix(1);
  }
  auto value = take_digits(text, 2);
  return value && *value <= most ? value : std::nullopt;
}

// The offset from UTC in seconds; the whole rest of `text` must be it.
std::optional<int> offset_of(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_pair(text, '\0', 23), minutes = take_pair(text, ':', 59);
  if (!hours || !minutes) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

// 0, 3 or 6 digits, as the protobuf libraries write them.
std::string fraction_text(int64_t micros) {
  if (micros == 0) return "";
  return micros % 1000 == 0 ? fmt::format(".{:03}", micros / 1000) : fmt::format(".{:06}", micros);
}

} // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  // Whole numbers are written without a point as far as they are exact; -0.0 is left to fmt, which
  // keeps its sign.
  if (std::trunc(value) == value && std::abs(value) < std::ldexp(1.0, 53)
      && !(value == 0 && std::signbit(value)))
    return fmt::format("{}", static_cast<int64_t>(value));
  return fmt::format("{}", value);
}

std::optional<double> number_of(std::string_view literal) {
  const auto unsigned_part = literal.substr(literal.starts_with('+') || literal.starts_with('-'));
  if (unsigned_part == ".inf" || unsigned_part == ".Inf" || unsigned_part == ".INF")
    return literal.starts_with('-') ? -std::numeric_limits<double>::infinity()
                                    : std::numeric_limits<double>::infinity();
  if (literal == ".nan" || literal == ".NaN" || literal == ".NAN")
    return std::numeric_limits<double>::quiet_NaN();
  if (literal.starts_with('+')) literal = unsigned_part;
  if (!is_number(literal)) return std::nullopt;
  double value = 0;
  const auto [rest, problem] =
      std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (problem == std::errc{}) return value;
  // Out of range means too large or too close to zero; only the second has a harmless nearest
  // double.
  const auto exponent = literal.find_first_of("eE");
  const bool tiny = exponent != literal.npos
                        ? literal.substr(exponent + 1).starts_with('-')
                        : unsigned_part.starts_with('0') || unsigned_part.starts_with('.');
  return tiny ? std::optional(0.0) : std::nullopt;
}

std::optional<int64_t> integer_of(std::string_view literal) { return whole<int64_t>(literal); }
std::optional<uint64_t> unsigned_of(std::string_view literal) { return whole<uint64_t>(literal); }

std::string timestamp_text(int64_t micros) {
  using namespace std::chrono;
  const auto at = sys_seconds(
      floor<seconds>(microseconds(micros)).count() < timestamp_seconds_min
          ? seconds(timestamp_seconds_min)
          : seconds(std::min(floor<seconds>(microseconds(micros)).count(), timestamp_seconds_max)));
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  const int64_t part = ((micros % micros_per_second) + micros_per_second) % micros_per_second;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     fraction_text(part));
}

std::optional<int64_t> timestamp_of(std::string_view text) {
  using namespace std::chrono;
  const auto years = take_digits(text, 4);
  const auto months = take_pair(text, '-', 12), day = take_pair(text, '-', 31);
  if (!years || !months || !day || (!text.starts_with('T') && !text.starts_with('t')))
    return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take_pair(text, '\0', 23), minute = take_pair(text, ':', 59),
             second = take_pair(text, ':', 59);
  if (!hour || !minute || !second) return std::nullopt;
  const auto fraction = take_fraction(text);
  const auto offset = offset_of(text);
  const year_month_day date(year(*years), month(static_cast<unsigned>(*months)),
                            std::chrono::day(static_cast<unsigned>(*day)));
  if (!fraction || !offset || !date.ok()) return std::nullopt;
  const int64_t at = sys_seconds(sys_days(date)).time_since_epoch().count() + *hour * 3600
                     + *minute * 60 + *second - *offset;
  if (at < timestamp_seconds_min || at > timestamp_seconds_max) return std::nullopt;
  return at * micros_per_second + *fraction;
}

std::string duration_text(int64_t micros) {
  // The remainder is taken first: -INT64_MIN does not exist.
  const auto part = std::abs(micros % micros_per_second);
  const auto seconds = micros / micros_per_second;
  return fmt::format("{}{}{}s", micros < 0 ? "-" : "", std::abs(seconds), fraction_text(part));
}

std::optional<int64_t> duration_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int64_t seconds = 0;
  const auto [rest, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem != std::errc{} || text.starts_with('-') || seconds > duration_seconds_max)
    return std::nullopt;
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  const auto fraction = take_fraction(text);
  if (!fraction || text != "s") return std::nullopt;
  const int64_t micros = seconds * micros_per_second + *fraction;
  return negative ? -micros : micros;
}

} // namespace troupe::wire
