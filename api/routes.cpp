#include "api/routes.hpp"

#include "api/job_kinds.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

namespace troupe::api {

namespace {

using handler = void (*)(const context&, const request&, const place&, answer);

struct route {
  method verb;
  std::string_view collection;
  bool with_id;
  std::string_view action;
  handler handle;
};

template <class Kind>
constexpr auto routes_of(handler status) {
  constexpr std::string_view collection = Kind::collection;
  return std::array{
      route{method::post, collection, false, "", create_job<Kind>},
      route{method::get, collection, false, "", list_jobs<Kind>},
      route{method::get, collection, true, "", show_job<Kind>},
      route{method::remove, collection, true, "", delete_job<Kind>},
      route{method::post, collection, true, "cancel", cancel_job<Kind>},
      route{method::get, collection, true, "status", status},
  };
}

constexpr auto custom_job_routes = routes_of<custom_job_kind>(show_custom_job_status);
constexpr auto tuning_job_routes = routes_of<tuning_job_kind>(show_tuning_job_status);
constexpr std::array other_routes{
    route{method::get, "operations", false, "", list_operations},
    route{method::get, "operations", true, "", show_operation},
    route{method::remove, "operations", true, "", delete_operation},
    route{method::post, "operations", true, "cancel", cancel_operation},
    // Operations of ours are done when they are made, so waiting is showing.
    route{method::post, "operations", true, "wait", show_operation},
    route{method::get, "nodes", false, "", list_nodes},
};

const route* find_route(const request& from, std::string_view collection, bool with_id) {
  auto fits = [&](const route& each) {
    return each.verb == from.verb && each.collection == collection && each.with_id == with_id
           && each.action == from.action;
  };
  for (std::span<const route> routes :
       {std::span<const route>(custom_job_routes), std::span<const route>(tuning_job_routes),
        std::span<const route>(other_routes)})
    if (auto found = std::ranges::find_if(routes, fits); found != routes.end()) return &*found;
  return nullptr;
}

bool is_plain_name(std::string_view name) {
  auto allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
  };
  return !name.empty() && name.size() <= 63 && name != "." && name != ".."
         && std::ranges::all_of(name, allowed);
}

error no_such_method(const request& from) {
  static constexpr std::string_view exist =
      "under /v1 (or /v1beta1) /projects/{project}/locations/{location}: "
      "POST and GET {customJobs,hyperparameterTuningJobs}; "
      "GET and DELETE {customJobs,hyperparameterTuningJobs}/{id}; "
      "POST .../{id}:cancel; GET .../{id}:status; GET operations; "
      "GET and DELETE operations/{id}; POST operations/{id}:{cancel,wait}; GET nodes; "
      "and POST /v2/entries:list, GET /metrics, GET /healthz";
  auto shown = std::string_view(from.target).substr(0, 200);
  return {
      errc::not_found,
      fmt::format("{} with this method is not part of this API; what exists: {}", shown, exist)};
}

bool is_log_listing(const request& from) {
  return from.verb == method::post && from.path == std::vector<std::string>{"v2", "entries"}
         && from.action == "list";
}

bool is_metrics(const request& from) {
  return from.verb == method::get && from.path == std::vector<std::string>{"metrics"}
         && from.action.empty();
}

// Google's clients ask for operations under /ui: it is the first of the paths that their service
// configuration lists.
bool is_resource_path(const request& from) {
  const auto& path = from.path;
  return (path.size() == 6 || path.size() == 7)
         && (path[0] == "v1" || path[0] == "v1beta1" || path[0] == "ui") && path[1] == "projects"
         && path[3] == "locations";
}

} // namespace

bool waits_for_nodes(const request& from) { return is_log_listing(from); }

void dispatch(const context& all, const request& from, answer done) {
  if (is_log_listing(from)) return list_log_entries(all, from, std::move(done));
  if (is_metrics(from)) return show_metrics(all, std::move(done));
  const route* found = nullptr;
  if (is_resource_path(from)) found = find_route(from, from.path[5], from.path.size() == 7);
  if (!found) return done(error_response(no_such_method(from)));
  place at{.parent = {from.path[2], from.path[4]},
           .id = from.path.size() == 7 ? from.path[6] : std::string()};
  for (const std::string& name : {at.parent.project, at.parent.location})
    if (!is_plain_name(name))
      return done(error_response(
          {errc::invalid_argument,
           fmt::format("the path names a project or location '{}'; expected 1 to 63 letters, "
                       "digits, '-', '_', '.' or ':'",
                       name.substr(0, 80))}));
  found->handle(all, from, at, std::move(done));
}

} // namespace troupe::api
