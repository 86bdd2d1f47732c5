#include "api/query/severity.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace troupe::api {

namespace {

// Canonical names come first: severity_name() returns the first name that has the number.
constexpr std::pair<std::string_view, int64_t> severities[] = {
    {"DEFAULT", 0}, {"DEBUG", 100},    {"INFO", 200},  {"NOTICE", 300},    {"WARNING", 400},
    {"ERROR", 500}, {"CRITICAL", 600}, {"ALERT", 700}, {"EMERGENCY", 800}, {"WARN", 400},
    {"FATAL", 600}, {"TRACE", 100},    {"PANIC", 800}};

} // namespace

std::optional<int64_t> severity_number(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  for (auto [name, number] : severities)
    if (upper == name) return number;
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0 || value > 800)
    return std::nullopt;
  return value;
}

std::string_view severity_name(std::string_view text) {
  auto number = severity_number(text);
  for (auto [name, value] : severities)
    if (number && value == *number) return name;
  return "DEFAULT";
}

} // namespace troupe::api
