// The JSON names of schema enumerants ("JOB_STATE_RUNNING").
#pragma once

#include <capnp/schema.h>

#include <string>

namespace troupe::api {

/// The $Json.name of an enumerant, or its schema name if it has none. A number that the schema does
/// not know becomes its digits.
std::string enum_name(capnp::EnumSchema type, uint16_t ordinal);

template <class Enum>
std::string enum_name(Enum value) {
  return enum_name(capnp::Schema::from<Enum>(), uint16_t(value));
}

} // namespace troupe::api
