#include "api/query/enum_names.hpp"

#include "wire/json_names.hpp"

namespace troupe::api {

std::string enum_name(capnp::EnumSchema type, uint16_t ordinal) {
  auto enumerants = type.getEnumerants();
  if (ordinal >= enumerants.size()) return std::to_string(ordinal);
  return wire::detail::name_of(enumerants[ordinal]);
}

} // namespace troupe::api
