#include "api/query/resource_path.hpp"

#include <fmt/format.h>

#include <charconv>

namespace troupe::api {

std::string project_location::name() const {
  return fmt::format("projects/{}/locations/{}", project, location);
}

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

std::optional<uint64_t> id_of(std::string_view text) {
  uint64_t id = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  bool canonical = !text.empty() && text.front() != '0';
  if (!canonical || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::optional<uint64_t> last_id_of(std::string_view name) {
  return id_of(name.substr(name.rfind('/') + 1));
}

std::string resource_name(const project_location& parent, std::string_view collection,
                          std::string_view id) {
  return fmt::format("{}/{}/{}", parent.name(), collection, id);
}

} // namespace troupe::api
