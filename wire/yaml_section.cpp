#include "wire/yaml_section.hpp"

#include "base/text.hpp"
#include "wire/json_scalars.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace troupe::wire {

namespace {

struct unit {
  std::string_view name;
  double factor;
};

// A number and its unit, in the smallest unit; whole there, and below 2^53, so that the double is
// exact.
std::optional<uint64_t> measured(std::string_view text, std::span<const unit> units) {
  const auto split = text.find_first_not_of("0123456789.");
  if (split == 0 || split == text.npos) return std::nullopt;
  const auto number = number_of(text.substr(0, split));
  auto name = text.substr(split);
  if (name.starts_with(' ')) name.remove_prefix(1);
  const auto found = std::ranges::find(units, name, &unit::name);
  if (!number || found == units.end()) return std::nullopt;
  const double amount = *number * found->factor;
  // "0.1s" times a million is not exactly a whole number, which is not the user's mistake.
  const double whole = std::round(amount);
  if (std::abs(amount - whole) > 1e-6 * std::max(1.0, whole) || whole > std::ldexp(1.0, 53))
    return std::nullopt;
  return static_cast<uint64_t>(whole);
}

} // namespace

const tree* yaml_section::take(std::string_view name) {
  known_.emplace_back(name);
  const auto* value = value_.find(name);
  return value && value->is != tree::kind::null ? value : nullptr;
}

bool yaml_section::has(std::string_view name) const {
  const auto* value = value_.find(name);
  return value && value->is != tree::kind::null;
}

bool yaml_section::section(std::string_view name, const std::function<void(yaml_section&)>& read) {
  const auto* value = take(name);
  if (!value) return false;
  if (value->is != tree::kind::object) {
    report(value->at, name, "got " + described(*value), "a mapping");
    return true;
  }
  yaml_section inner(*value, file_, path_.empty() ? shown(name) : path_ + "." + shown(name),
                     found_);
  read(inner);
  inner.refuse_unknown();
  return true;
}

void yaml_section::each(const std::function<void(const std::string&, yaml_section&)>& read) {
  for (const auto& member : value_.members) {
    read(member.name, *this);
    if (member.value.is == tree::kind::null) report(member.at, member.name, "has no value", "");
  }
}

void yaml_section::refuse(std::string_view name, std::string_view what, std::string_view expected) {
  if (take(name)) report(name, what, expected);
}

void yaml_section::require(std::string_view name, std::string_view expected) {
  if (!has(name)) report(value_.at, name, "missing", expected);
}

void yaml_section::report(std::string_view name, std::string_view what, std::string_view expected) {
  const auto* value = value_.find(name);
  report(value ? value->at : value_.at, name, what, expected);
}

void yaml_section::report(place at, std::string_view name, std::string_view what,
                          std::string_view expected, std::string suggestion) {
  found_.add({.where = fmt::format("{}:{}:{}", file_, at.line, at.column),
              .key = path_.empty() ? shown(name) : path_ + "." + shown(name),
              .what = std::string(what),
              .expected = std::string(expected),
              .suggestion = std::move(suggestion)});
}

void yaml_section::refuse_unknown() {
  for (const auto& member : value_.members)
    if (std::ranges::find(known_, member.name) == known_.end()) {
      auto meant = closest(member.name, known_);
      const auto all = fmt::format("one of {}", fmt::join(known_, ", "));
      report(member.at, member.name, "unknown key", meant ? "" : all, meant.value_or(""));
    }
}

result<void> read_sections(std::string_view text, std::string_view file,
                           const std::function<void(yaml_section&)>& read) {
  auto root = parse_yaml(text, file);
  if (!root) return std::unexpected(root.error());
  // A file with only comments means every default.
  if (root->is == tree::kind::null) root->is = tree::kind::object;
  if (root->is != tree::kind::object)
    return fail(errc::invalid_argument, "{}: expected a mapping of keys to values, got {}", file,
                described(*root));
  problems found;
  yaml_section top(*root, file, "", found);
  read(top);
  top.refuse_unknown();
  if (!found.empty()) return std::unexpected(found.joined());
  return {};
}

std::optional<uint64_t> size_bytes_of(std::string_view text) {
  static constexpr std::array<unit, 9> units{{{"B", 1},
                                              {"KiB", 0x1p10},
                                              {"MiB", 0x1p20},
                                              {"GiB", 0x1p30},
                                              {"TiB", 0x1p40},
                                              {"kB", 1e3},
                                              {"MB", 1e6},
                                              {"GB", 1e9},
                                              {"TB", 1e12}}};
  return measured(text, units);
}

std::optional<std::chrono::microseconds> span_of(std::string_view text) {
  static constexpr std::array<unit, 6> units{
      {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}}};
  const auto micros = measured(text, units);
  return micros ? std::optional(std::chrono::microseconds(*micros)) : std::nullopt;
}

std::optional<std::string> endpoint_of(std::string_view text, uint16_t port_min) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const auto host = text.substr(0, colon), port = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (host.empty() || (!bracketed && host.find_first_of(":[]/ ") != host.npos)) return std::nullopt;
  const bool digits =
      !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
  const auto number = digits ? unsigned_of(port) : std::nullopt;
  if (!number || *number < port_min || *number > 65535) return std::nullopt;
  return std::string(text);
}

} // namespace troupe::wire
