#include "api/backend/lookup.hpp"

namespace troupe::api {

error no_such_resource(const context& context, std::string_view name) {
  return {errc::not_found,
          fmt::format("{} does not exist; list the collection to see what does (this cluster is "
                      "projects/{}/locations/{})",
                      name, context.settings.project, context.settings.location)};
}

} // namespace troupe::api
