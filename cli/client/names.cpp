#include "cli/client/names.hpp"

#include "base/names.hpp"
#include "cli/terminal/format.hpp"

#include <algorithm>

namespace troupe::cli {

namespace {

/// Ids have 19 digits; a short number is probably a display name.
bool looks_like_id(std::string_view called) {
  return called.size() >= 16
         && std::all_of(called.begin(), called.end(), [](char c) { return c >= '0' && c <= '9'; });
}

result<std::string> path_of_full_name(const job_kind& kind, std::string_view name) {
  const auto parts = parse_resource_name(name);
  if (!parts)
    return fail(errc::invalid_argument,
                "'{}' is not the name of a {}; expected projects/PROJECT/locations/LOCATION/{}/ID",
                name, kind.noun, kind.collection);
  if (parts->collection != kind.collection)
    return fail(errc::invalid_argument, "'{}' names one of the {}, not a {}", name,
                parts->collection, kind.noun);
  return fmt::format("/v1/projects/{}/locations/{}/{}/{}", percent_encoded(parts->project),
                     percent_encoded(parts->location), kind.collection, percent_encoded(parts->id));
}

std::string filter_value(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

} // namespace

std::string id_of(std::string_view name) { return std::string(last_segment(name)); }

std::string short_name(const invocation& run, std::string_view full_name) {
  bool usual = run.options.project == global_options().project
               && run.options.location == global_options().location;
  return usual ? id_of(full_name) : std::string(full_name);
}

result<std::string> find_job(http_client& client, const invocation& run, const job_kind& kind,
                             const std::string& called) {
  if (called.find('/') != std::string::npos) return path_of_full_name(kind, called);
  auto collection = run.parent() + "/" + std::string(kind.collection);
  if (looks_like_id(called)) return collection + "/" + called;
  auto filter = percent_encoded("display_name=\"" + filter_value(called) + "\"");
  auto answer = client.get(collection + "?pageSize=20&filter=" + filter);
  if (!answer) return std::unexpected(answer.error());
  std::vector<json_value> found;
  for (auto job : (*answer)[kind.list_field].items())
    if (job["displayName"].text() == called) found.push_back(job);
  if (found.empty())
    return fail(errc::not_found, "no {} is called '{}'. See: troupe {} list", kind.noun, called,
                kind.command);
  if (found.size() == 1) return collection + "/" + percent_encoded(id_of(found[0]["name"].text()));
  std::string ids;
  for (auto job : found)
    ids += fmt::format("\n  {}  {}  created {}", id_of(job["name"].text()),
                       short_state(job["state"].text()),
                       local_time(parse_time(job["createTime"].text())));
  return fail(errc::failed_precondition, "{} {}s are called '{}'; name one by its id:{}",
              (*answer)["nextPageToken"] ? "more than " + std::to_string(found.size())
                                         : std::to_string(found.size()),
              kind.noun, called, ids);
}

} // namespace troupe::cli
