// Resource paths of the API: projects/{project}/locations/{location}/{collection}/{id}.
// Every handler gets one, and every stored resource has its name in this form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::api {

/// The projects/{project}/locations/{location} of a path.
struct project_location {
  std::string project;
  std::string location;

  std::string name() const;
  /// Whether the resource belongs to this project and location; "-" matches any.
  bool holds(std::string_view resource_name) const;
};

/// A parsed path: `projects/p/locations/l/customJobs/7`, `.../studies/3/trials/1`.
struct resource_path {
  project_location parent;
  std::string id;                          // the last segment; empty for a collection
  std::vector<std::string> ancestors = {}; // ids of the resources above it, outermost first
};

std::string resource_name(const project_location& parent, std::string_view collection,
                          std::string_view id);

} // namespace troupe::api
