#include "tuner/parameter_text.hpp"

#include "wire/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::tuner {

namespace {

/// Beyond it a double no longer has a value for each integer.
constexpr double integer_max = 9007199254740992.0;

std::string number_text(double number, bool whole) {
  // A negative zero is a zero: "-0" is no integer that anybody writes.
  if (whole) return fmt::format("{:.0f}", number + 0.0);
  auto digits = fmt::format("{}", number);
  // As Python's repr has it, so that a double can be told from an integer.
  if (digits.find_first_not_of("-0123456789") == std::string::npos) digits += ".0";
  return digits;
}

std::string flag(std::string_view id, const std::string& text) {
  return fmt::format("--{}={}", id, text);
}

/// The text of a value that was read back from a trial. `known` is the study's parameter of this
/// name, if it has one.
std::string stored_text(capnp::json::Value::Reader value, const parameter* known) {
  switch (value.which()) {
  case capnp::json::Value::NUMBER:
    return number_text(
        value.getNumber(),
        is_written_whole(known ? known->type : parameter_type::discrete, value.getNumber()));
  case capnp::json::Value::BOOLEAN:
    return value.getBoolean() ? "true" : "false";
  case capnp::json::Value::STRING:
    return wire::str(value.getString());
  default:
    return {};
  }
}

} // namespace

bool is_written_whole(parameter_type type, double number) {
  switch (type) {
  case parameter_type::integer:
    return true;
  case parameter_type::discrete:
    return number == std::floor(number) && std::abs(number) <= integer_max;
  case parameter_type::real:
  case parameter_type::categorical:
    break;
  }
  return false;
}

std::string parameter_text(const parameter_value& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) return *text;
  return number_text(std::get<double>(value.value), value.is_integer);
}

std::vector<std::string> flags_of(const std::vector<parameter_value>& values) {
  std::vector<std::string> flags;
  for (const auto& value : values)
    flags.push_back(flag(value.id, parameter_text(value)));
  return flags;
}

std::vector<std::string> flags_of(wire::StudySpec::Reader study,
                                  capnp::List<wire::Trial::Parameter>::Reader parameters) {
  const search_space space(study);
  std::vector<std::string> flags;
  for (auto each : parameters) {
    const auto id = wire::view(each.getParameterId());
    const auto known = std::ranges::find(space.parameters(), id, &parameter::id);
    flags.push_back(flag(
        id, stored_text(each.getValue(), known == space.parameters().end() ? nullptr : &*known)));
  }
  return flags;
}

} // namespace troupe::tuner
