#include "wire/json_names.hpp"

#include "wire/frame.hpp"

#include <capnp/compat/json.capnp.h>
#include <capnp/schema.h>

#include <map>

namespace troupe::wire::detail {

namespace {

// The text of $Json.name, or the name in the schema.
template <class Proto>
std::string json_name(Proto proto) {
  constexpr uint64_t name_annotation = 0xfa5b1fd61c2e7c3dull;
  for (auto annotation : proto.getAnnotations())
    if (annotation.getId() == name_annotation && annotation.getValue().isText())
      return str(annotation.getValue().getText());
  return str(proto.getName());
}

using field_table = std::map<std::string, capnp::StructSchema::Field, std::less<>>;

// Names are looked up for every member of every object, and reading them from the schema each time
// is slow. One table for each thread needs no lock.
const field_table& fields_of(capnp::StructSchema schema) {
  thread_local std::map<uint64_t, field_table> tables;
  const auto [found, fresh] = tables.try_emplace(schema.getProto().getId());
  if (fresh)
    for (auto field : schema.getFields())
      if (is_visible(field)) found->second.emplace(name_of(field), field);
  return found->second;
}

} // namespace

bool is_visible(capnp::StructSchema::Field field) { return !field.getType().isVoid(); }

bool is_in_union(capnp::StructSchema::Field field) {
  return field.getProto().getDiscriminantValue() != capnp::schema::Field::NO_DISCRIMINANT;
}

std::string name_of(capnp::StructSchema::Field field) { return json_name(field.getProto()); }
std::string name_of(capnp::EnumSchema::Enumerant value) { return json_name(value.getProto()); }

bool is_reserved(capnp::EnumSchema::Enumerant value) {
  constexpr std::string_view prefix = "reserved";
  const auto name = view(value.getProto().getName());
  return name.size() > prefix.size() && name.starts_with(prefix)
         && name.find_first_not_of("0123456789", prefix.size()) == name.npos;
}

std::optional<capnp::StructSchema::Field> field_named(capnp::StructSchema schema,
                                                      std::string_view name) {
  const auto& fields = fields_of(schema);
  const auto found = fields.find(name);
  return found == fields.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> field_names(capnp::StructSchema schema) {
  std::vector<std::string> names;
  for (auto field : schema.getFields())
    if (is_visible(field)) names.push_back(name_of(field));
  return names;
}

std::optional<capnp::EnumSchema::Enumerant> enumerant_named(capnp::EnumSchema schema,
                                                            std::string_view name) {
  for (auto value : schema.getEnumerants())
    if (!is_reserved(value) && name_of(value) == name) return value;
  return std::nullopt;
}

std::vector<std::string> enumerant_names(capnp::EnumSchema schema) {
  std::vector<std::string> names;
  for (auto value : schema.getEnumerants())
    if (!is_reserved(value)) names.push_back(name_of(value));
  return names;
}

std::string camel_case(std::string_view snake_case) {
  std::string name;
  bool up = false;
  for (char c : snake_case) {
    if (c == '_') {
      up = true;
      continue;
    }
    name += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    up = false;
  }
  return name;
}

} // namespace troupe::wire::detail
