#include "wire/enum_names.hpp"

#include "wire/json_names.hpp"

namespace troupe::wire {

std::string enum_name(capnp::EnumSchema type, uint16_t ordinal) {
  const auto enumerants = type.getEnumerants();
  if (ordinal >= enumerants.size()) return std::to_string(ordinal);
  return detail::name_of(enumerants[ordinal]);
}

std::optional<uint16_t> enum_ordinal(capnp::EnumSchema type, std::string_view name) {
  const auto found = detail::enumerant_named(type, name);
  return found ? std::optional(found->getOrdinal()) : std::nullopt;
}

std::vector<std::string> enum_names(capnp::EnumSchema type) {
  return detail::enumerant_names(type);
}

} // namespace troupe::wire
