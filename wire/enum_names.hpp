// The JSON names of enumerants as text, both ways: JobState::RUNNING is "JOB_STATE_RUNNING".
#pragma once

#include <capnp/schema.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::wire {

/// The enumerant's $Json.name, or its name in the schema where it has none; a number beyond the
/// schema, which a newer version wrote, in digits.
std::string enum_name(capnp::EnumSchema type, uint16_t ordinal);

template <class Enum>
std::string enum_name(Enum value) {
  return enum_name(capnp::Schema::from<Enum>(), static_cast<uint16_t>(value));
}

/// The enumerant of this name; nothing for a text that is none's.
std::optional<uint16_t> enum_ordinal(capnp::EnumSchema type, std::string_view name);

template <class Enum>
std::optional<Enum> enum_named(std::string_view name) {
  const auto ordinal = enum_ordinal(capnp::Schema::from<Enum>(), name);
  return ordinal ? std::optional(static_cast<Enum>(*ordinal)) : std::nullopt;
}

/// All names that an input may use, in the schema's order.
std::vector<std::string> enum_names(capnp::EnumSchema type);

template <class Enum>
std::vector<std::string> enum_names() {
  return enum_names(capnp::Schema::from<Enum>());
}

} // namespace troupe::wire
