// Reads resources from the store by the names that a path gives.
#pragma once

#include "api/backend/context.hpp"
#include "api/query/resource_path.hpp"
#include "base/names.hpp"

#include <optional>

namespace troupe::api {

error no_such_resource(const context&, std::string_view name);

/// A stored frame, or nullopt if the key does not exist.
template <class T>
result<std::optional<wire::frame<T>>> stored(const store::database& database, store::family family,
                                             std::string_view key) {
  auto value = database.read(family, key);
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  auto parsed = wire::frame<T>::parse(std::string_view(**value));
  if (!parsed)
    return fail(errc::data_loss, "stored {} {}: {}", store::name_of(family), key,
                parsed.error().message);
  return std::optional(std::move(*parsed));
}

/// The resource at a path. Its project and location must match too: an id alone is not enough.
template <class T>
result<wire::frame<T>> resource_at(const context& context, store::family family,
                                   std::string_view collection, const resource_path& path) {
  auto name = resource_name(path.parent, collection, path.id);
  auto id = parse_id(path.id);
  if (!id) return std::unexpected(no_such_resource(context, name));
  auto found = stored<T>(context.database(), family, store::key_of(*id));
  if (!found) return std::unexpected(found.error());
  if (!*found || wire::view((**found)->getName()) != name)
    return std::unexpected(no_such_resource(context, name));
  return std::move(**found);
}

} // namespace troupe::api
