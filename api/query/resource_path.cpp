#include "api/query/resource_path.hpp"

#include "base/names.hpp"

namespace troupe::api {

std::string project_location::name() const { return location_name(project, location); }

bool project_location::holds(std::string_view resource) const {
  auto take = [&](std::string_view word, const std::string& wanted) {
    if (!resource.starts_with(word)) return false;
    resource.remove_prefix(word.size());
    size_t end = resource.find('/');
    if (end == resource.npos || (wanted != "-" && resource.substr(0, end) != wanted)) return false;
    resource.remove_prefix(end + 1);
    return true;
  };
  return take("projects/", project) && take("locations/", location);
}

std::string resource_name(const project_location& parent, std::string_view collection,
                          std::string_view id) {
  return child_name(parent.name(), collection, id);
}

} // namespace troupe::api
