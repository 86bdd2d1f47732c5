#include "api/query/read_mask.hpp"

#include "wire/json_names.hpp"

#include <algorithm>

namespace troupe::api {

result<read_mask> read_mask::parse(std::string_view text, capnp::StructSchema fields) {
  read_mask mask;
  bool everything = text.empty();
  while (!text.empty()) {
    auto path = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), path.size() + 1));
    auto name = wire::detail::camel_case(path.substr(0, path.find('.')));
    everything |= name == "*";
    if (name != "*" && fields.findFieldByName(name) == nullptr)
      return fail(errc::invalid_argument, "readMask: there is no field '{}' in {}",
                  path.substr(0, 80), fields.getShortDisplayName().cStr());
    mask.kept_.insert(std::move(name));
  }
  if (everything) mask.kept_.clear();
  return mask;
}

void read_mask::clear_others(capnp::DynamicStruct::Builder resource) const {
  for (auto field : resource.getSchema().getFields())
    if (!kept_.contains(std::string_view(field.getProto().getName().cStr()))) resource.clear(field);
}

} // namespace troupe::api
