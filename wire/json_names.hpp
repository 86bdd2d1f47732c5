// The names of the schemas' fields and enumerants in JSON. Shared by the two directions of the
// codec.
#pragma once

#include <capnp/dynamic.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::wire::detail {

/// Void members only say that no member of a oneof is set; they do not appear in JSON.
bool is_visible(capnp::StructSchema::Field field);
bool is_in_union(capnp::StructSchema::Field field);

std::string name_of(capnp::StructSchema::Field field);
std::string name_of(capnp::EnumSchema::Enumerant value);

/// Numbers that protobuf has reserved keep their place in the enum, but are rejected in input.
bool is_reserved(capnp::EnumSchema::Enumerant value);

std::optional<capnp::StructSchema::Field> field_named(capnp::StructSchema schema,
                                                      std::string_view name);
std::vector<std::string> field_names(capnp::StructSchema schema);
std::optional<capnp::EnumSchema::Enumerant> enumerant_named(capnp::EnumSchema schema,
                                                            std::string_view name);
std::vector<std::string> enumerant_names(capnp::EnumSchema schema);

/// "display_name" -> "displayName".
std::string camel_case(std::string_view snake_case);

} // namespace troupe::wire::detail
