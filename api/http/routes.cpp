#include "api/http/routes.hpp"

#include "api/resources/job_kinds.hpp"

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

/// `collection` names all collections of the path, as "studies/trials".
const route* find_route(const request& from, std::string_view collection, bool with_id) {
  auto fits = [&](const route& each) {
    return each.verb == from.verb && each.collection == collection && each.with_id == with_id
           && each.action == from.action;
  };
  using some = std::span<const route>;
  for (some routes : {some(custom_job_routes), some(tuning_job_routes), some(study_routes),
                      some(plain_operation_routes), some(study_operation_routes),
                      some(trial_operation_routes), some(other_routes)})
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
      "POST and GET {customJobs,hyperparameterTuningJobs,studies}; "
      "GET and DELETE {customJobs,hyperparameterTuningJobs,studies}/{id}; "
      "POST {customJobs,hyperparameterTuningJobs}/{id}:cancel; GET .../{id}:status; "
      "POST hyperparameterTuningJobs/{id}:resume; POST studies:lookup; "
      "POST and GET studies/{id}/trials; POST studies/{id}/trials:{suggest,listOptimalTrials}; "
      "GET and DELETE studies/{id}/trials/{number}; POST studies/{id}/trials/{number}:"
      "{addTrialMeasurement,complete,checkTrialEarlyStoppingState,stop}; GET operations; "
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
  return path.size() >= 6 && path.size() <= 11
         && (path[0] == "v1" || path[0] == "v1beta1" || path[0] == "ui") && path[1] == "projects"
         && path[3] == "locations";
}

/// What follows projects/{project}/locations/{location}: collections and ids by turns.
struct resource_path {
  std::string collection;
  bool with_id = false;
  place at;
};

resource_path parsed_path(const request& from) {
  resource_path parsed;
  parsed.at.parent = {from.path[2], from.path[4]};
  parsed.with_id = from.path.size() % 2 == 1;
  for (size_t at = 5; at < from.path.size(); ++at) {
    bool last = at + 1 == from.path.size();
    if (at % 2 == 1)
      parsed.collection += (at > 5 ? "/" : "") + from.path[at];
    else if (last)
      parsed.at.id = from.path[at];
    else
      parsed.at.above.push_back(from.path[at]);
  }
  return parsed;
}

} // namespace

bool waits_for_nodes(const request& from) { return is_log_listing(from); }

void dispatch(const context& all, const request& from, answer done) {
  if (is_log_listing(from)) return list_log_entries(all, from, std::move(done));
  if (is_metrics(from)) return show_metrics(all, std::move(done));
  const route* found = nullptr;
  resource_path path;
  if (is_resource_path(from)) {
    path = parsed_path(from);
    found = find_route(from, path.collection, path.with_id);
  }
  if (!found) return done(error_response(no_such_method(from)));
  const place& at = path.at;
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
