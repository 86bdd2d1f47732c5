#include "base/names.hpp"

#include <fmt/format.h>

#include <charconv>

namespace troupe {

namespace {

constexpr std::string_view pool_prefix = "workerpool";
constexpr int id_digits = 20, number_digits = 10;

/// Takes the text up to the next '/', or all that is left.
std::string_view take_segment(std::string_view& rest) {
  const auto end = std::min(rest.find('/'), rest.size());
  const auto segment = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return segment;
}

/// A decimal number without leading zeros.
std::optional<uint32_t> parse_ordinal(std::string_view text) {
  uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool canonical = text == "0" || (!text.empty() && text.front() != '0');
  if (!canonical || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

} // namespace

std::string location_name(std::string_view project, std::string_view location) {
  return fmt::format("projects/{}/locations/{}", project, location);
}

std::string resource_name(std::string_view project, std::string_view location,
                          std::string_view collection, uint64_t id) {
  return child_name(location_name(project, location), collection, id);
}

std::string child_name(std::string_view parent, std::string_view collection, uint64_t id) {
  return child_name(parent, collection, std::to_string(id));
}

std::string child_name(std::string_view parent, std::string_view collection, std::string_view id) {
  return fmt::format("{}/{}/{}", parent, collection, id);
}

std::optional<resource_parts> parse_resource_name(std::string_view text) {
  resource_parts parts;
  const bool ends_early = text.ends_with('/');
  if (take_segment(text) != "projects") return std::nullopt;
  parts.project = take_segment(text);
  if (take_segment(text) != "locations") return std::nullopt;
  parts.location = take_segment(text);
  parts.collection = take_segment(text);
  parts.id = take_segment(text);
  if (ends_early || !text.empty() || parts.project.empty() || parts.location.empty()
      || parts.collection.empty() || parts.id.empty())
    return std::nullopt;
  return parts;
}

std::string_view last_segment(std::string_view name) { return name.substr(name.rfind('/') + 1); }

std::optional<uint64_t> parse_id(std::string_view text) {
  uint64_t id = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool canonical = !text.empty() && text.front() != '0';
  if (!canonical || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::optional<uint64_t> last_id(std::string_view name) { return parse_id(last_segment(name)); }

std::string pool_name(uint32_t pool) { return fmt::format("{}{}", pool_prefix, pool); }

std::string task_name(uint32_t pool, uint32_t index) {
  return fmt::format("{}{}-{}", pool_prefix, pool, index);
}

std::optional<task_id> parse_task_name(std::string_view text) {
  const auto dash = text.find('-');
  if (!text.starts_with(pool_prefix) || dash == text.npos) return std::nullopt;
  const auto pool = parse_ordinal(text.substr(pool_prefix.size(), dash - pool_prefix.size()));
  const auto index = parse_ordinal(text.substr(dash + 1));
  if (!pool || !index) return std::nullopt;
  return task_id{*pool, *index};
}

std::string key_digits(uint64_t number, int digits) {
  return fmt::format("{:0{}}", number, digits);
}

std::string key_of(uint64_t id) { return key_digits(id, id_digits); }

std::string key_of(uint64_t id, uint64_t number) {
  return parts_prefix(id) + key_digits(number, number_digits);
}

std::string parts_prefix(uint64_t id) { return key_of(id) + '/'; }

std::string parts_end(uint64_t id) { return key_of(id) + static_cast<char>('/' + 1); }

uint64_t id_of_key(std::string_view key) {
  uint64_t id = 0;
  std::from_chars(key.data(), key.data() + key.size(), id);
  return id;
}

} // namespace troupe
