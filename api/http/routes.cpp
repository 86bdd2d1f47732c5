#include "api/http/routes.hpp"

#include "api/http/prometheus.hpp"
#include "api/logs/handlers.hpp"
#include "api/resources/handlers.hpp"
#include "api/resources/job_kinds.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

namespace troupe::api {

namespace {

using handler = void (*)(const context&, const request&, const resource_path&, answer);

struct route {
  method verb;
  std::string_view collection;
  bool has_id;
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

constexpr std::string_view trials = "studies/trials";
constexpr std::array study_routes{
    route{method::post, "studies", false, "", create_study},
    route{method::get, "studies", false, "", list_studies},
    route{method::post, "studies", false, "lookup", lookup_study},
    route{method::get, "studies", true, "", show_study},
    route{method::remove, "studies", true, "", delete_study},
    route{method::post, trials, false, "", create_trial},
    route{method::get, trials, false, "", list_trials},
    route{method::post, trials, false, "suggest", suggest_trials},
    route{method::post, trials, false, "listOptimalTrials", list_optimal_trials},
    route{method::get, trials, true, "", show_trial},
    route{method::remove, trials, true, "", delete_trial},
    route{method::post, trials, true, "addTrialMeasurement", add_trial_measurement},
    route{method::post, trials, true, "complete", complete_trial},
    route{method::post, trials, true, "checkTrialEarlyStoppingState", check_trial_early_stopping},
    route{method::post, trials, true, "stop", stop_trial},
};

/// Clients that know Vertex's own names ask for an operation below the resource that it is about.
constexpr auto operation_routes(std::string_view collection) {
  return std::array{
      route{method::get, collection, true, "", show_operation},
      route{method::remove, collection, true, "", delete_operation},
      route{method::post, collection, true, "cancel", cancel_operation},
      route{method::post, collection, true, "wait", wait_operation},
  };
}

constexpr auto plain_operation_routes = operation_routes("operations");
constexpr auto study_operation_routes = operation_routes("studies/operations");
constexpr auto trial_operation_routes = operation_routes("studies/trials/operations");
constexpr std::array other_routes{
    route{method::post, tuning_job_kind::collection, true, "resume", resume_tuning_job},
    route{method::get, "operations", false, "", list_operations},
    route{method::get, "nodes", false, "", list_nodes},
};

const route* find_route(const request& request, std::string_view collection, bool has_id) {
  auto fits = [&](const route& each) {
    return each.verb == request.verb && each.collection == collection && each.has_id == has_id
           && each.action == request.action;
  };
  using group = std::span<const route>;
  for (group routes : {group(custom_job_routes), group(tuning_job_routes), group(study_routes),
                       group(plain_operation_routes), group(study_operation_routes),
                       group(trial_operation_routes), group(other_routes)})
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

error no_such_method(const request& request) {
  static constexpr std::string_view exist =
      "under /v1 (or /v1beta1) /projects/{project}/locations/{location}: "
      "POST and GET {customJobs,hyperparameterTuningJobs,studies}; "
      "GET and DELETE {customJobs,hyperparameterTuningJobs,studies}/{id}; "
      "POST {customJobs,hyperparameterTuningJobs}/{id}:cancel; GET .../{id}:status; "
      "POST hyperparameterTuningJobs/{id}:resume; POST studies:lookup; "
      "POST and GET studies/{id}/trials; POST studies/{id}/trials:{suggest,listOptimalTrials}; "
      "GET and DELETE studies/{id}/trials/{number}; POST studies/{id}/trials/{number}:"
      "{addTrialMeasurement,complete,checkTrialEarlyStoppingState,stop}; GET operations; "
      "GET and DELETE operations/{id}; POST operations/{id}:{cancel,wait}; GET nodes; "
      "and POST /v2/entries:list, GET /metrics, GET /healthz";
  auto shown = std::string_view(request.target).substr(0, 200);
  return {
      errc::not_found,
      fmt::format("{} with this method is not part of this API; what exists: {}", shown, exist)};
}

bool is_log_listing(const request& request) {
  return request.verb == method::post && request.path == std::vector<std::string>{"v2", "entries"}
         && request.action == "list";
}

bool is_metrics(const request& request) {
  return request.verb == method::get && request.path == std::vector<std::string>{"metrics"}
         && request.action.empty();
}

// Google's clients ask for operations under /ui: it is the first of the paths that their service
// configuration lists.
bool is_resource_path(const request& request) {
  const auto& path = request.path;
  return path.size() >= 6 && path.size() <= 11
         && (path[0] == "v1" || path[0] == "v1beta1" || path[0] == "ui") && path[1] == "projects"
         && path[3] == "locations";
}

/// What follows projects/{project}/locations/{location}: collections and ids alternately.
struct resource_target {
  std::string collection; // all collections of the path, as "studies/trials"
  bool has_id = false;
  resource_path path;
};

resource_target resource_target_of(const request& request) {
  resource_target parsed;
  parsed.path.parent = {request.path[2], request.path[4]};
  parsed.has_id = request.path.size() % 2 == 1;
  for (size_t at = 5; at < request.path.size(); ++at) {
    bool last = at + 1 == request.path.size();
    if (at % 2 == 1)
      parsed.collection += (at > 5 ? "/" : "") + request.path[at];
    else if (last)
      parsed.path.id = request.path[at];
    else
      parsed.path.ancestors.push_back(request.path[at]);
  }
  return parsed;
}

} // namespace

bool waits_for_nodes(const request& request) { return is_log_listing(request); }

void dispatch(const context& context, const request_counts& counts, const request& request,
              answer reply) {
  if (is_log_listing(request)) return list_log_entries(context, request, std::move(reply));
  if (is_metrics(request)) return show_prometheus_metrics(context, counts, std::move(reply));
  const route* found = nullptr;
  resource_target target;
  if (is_resource_path(request)) {
    target = resource_target_of(request);
    found = find_route(request, target.collection, target.has_id);
  }
  if (!found) return reply(error_response(no_such_method(request)));
  const resource_path& path = target.path;
  for (const std::string& name : {path.parent.project, path.parent.location})
    if (!is_plain_name(name))
      return reply(error_response(
          {errc::invalid_argument,
           fmt::format("the path names a project or location '{}'; expected 1 to 63 letters, "
                       "digits, '-', '_', '.' or ':'",
                       name.substr(0, 80))}));
  found->handle(context, request, path, std::move(reply));
}

} // namespace troupe::api
