// Reading resources out of the store by the names that a path gives.
#pragma once

#include "api/backend/context.hpp"

#include <optional>

namespace troupe::api {

/// The id in a path or at the end of a resource's name; nullopt if it is no decimal of ours.
std::optional<uint64_t> id_of(std::string_view text);
std::optional<uint64_t> last_id_of(std::string_view resource_name);

std::string resource_name(const scope& parent, std::string_view collection, std::string_view id);

error no_such_resource(const context&, std::string_view name);

/// A stored frame, or nullopt if the key is not there.
template <class T>
result<std::optional<wire::frame<T>>> stored(const store::database& database, store::family where,
                                             std::string_view key) {
  auto value = database.read(where, key);
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  auto parsed = wire::frame<T>::parse(std::string_view(**value));
  if (!parsed)
    return fail(errc::data_loss, "stored {} {}: {}", store::name_of(where), key,
                parsed.error().message);
  return std::optional(std::move(*parsed));
}

/// The resource that a path names: also its project and location must be right.
template <class T>
result<wire::frame<T>> named(const context& all, store::family where, std::string_view collection,
                             const place& at) {
  auto name = resource_name(at.parent, collection, at.id);
  auto id = id_of(at.id);
  if (!id) return std::unexpected(no_such_resource(all, name));
  auto found = stored<T>(all.database(), where, store::key_of(*id));
  if (!found) return std::unexpected(found.error());
  if (!*found || wire::view((**found)->getName()) != name)
    return std::unexpected(no_such_resource(all, name));
  return std::move(**found);
}

} // namespace troupe::api
