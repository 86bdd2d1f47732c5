#include "wire/json_tree.hpp"

#include "base/text.hpp"

namespace troupe::wire {

const tree* tree::find(std::string_view name) const {
  for (const auto& member : members)
    if (member.name == name) return &member.value;
  return nullptr;
}

std::string described(const tree& value) {
  switch (value.is) {
  case tree::kind::null:
    return "null";
  case tree::kind::boolean:
    return value.scalar;
  case tree::kind::number:
    return "the number " + shown(value.scalar);
  case tree::kind::text:
    return '"' + shown(value.scalar) + '"';
  case tree::kind::plain:
    return shown(value.scalar);
  case tree::kind::array:
    return "an array";
  case tree::kind::object:
    return "an object";
  }
  return "nothing";
}

} // namespace troupe::wire
