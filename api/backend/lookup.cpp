#include "api/backend/lookup.hpp"

#include <charconv>

namespace troupe::api {

void request_counts::add(int status) {
  std::lock_guard lock(mutex_);
  ++by_status_[status];
}

std::map<int, uint64_t> request_counts::all() const {
  std::lock_guard lock(mutex_);
  return by_status_;
}

std::string scope::name() const {
  return fmt::format("projects/{}/locations/{}", project, location);
}

bool scope::holds(std::string_view resource) const {
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

std::string resource_name(const scope& parent, std::string_view collection, std::string_view id) {
  return fmt::format("{}/{}/{}", parent.name(), collection, id);
}

error no_such_resource(const context& all, std::string_view name) {
  return {errc::not_found,
          fmt::format("{} does not exist; list the collection to see what does (this cluster's own "
                      "place is projects/{}/locations/{})",
                      name, all.settings.project, all.settings.location)};
}

} // namespace troupe::api
