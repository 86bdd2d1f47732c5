#include "api/http/prometheus.hpp"

#include "api/resources/job_kinds.hpp"
#include "wire/enum_names.hpp"

#include <iterator>

namespace troupe::api {

namespace {

using counts = std::map<std::string, uint64_t>;

void write_metric(std::string& out, std::string_view name, std::string_view type,
                  std::string_view help, const counts& values) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  for (const auto& [labels, value] : values)
    fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, labels, value);
}

template <class Kind>
result<> count_jobs(const store::database& database, counts& into) {
  for (auto state : capnp::Schema::from<wire::JobState>().getEnumerants())
    into[fmt::format("kind=\"{}\",state=\"{}\"", Kind::collection,
                     wire::enum_name(wire::JobState(state.getOrdinal())))] = 0;
  return database.scan(Kind::family, "", false, [&](std::string_view, std::string_view value) {
    if (auto job = wire::frame<typename Kind::resource>::parse(value))
      ++into[fmt::format("kind=\"{}\",state=\"{}\"", Kind::collection,
                         wire::enum_name((*job)->getState()))];
    return true;
  });
}

result<> count_studies(const store::database& database, counts& into) {
  into = {{"state=\"ACTIVE\"", 0}, {"state=\"INACTIVE\"", 0}, {"state=\"COMPLETED\"", 0}};
  return database.scan(
      store::family::studies, "", false, [&](std::string_view, std::string_view value) {
        if (auto study = wire::frame<wire::Study>::parse(value))
          ++into[fmt::format("state=\"{}\"", wire::enum_name((*study)->getState()))];
        return true;
      });
}

result<> count_nodes(const store::database& database, counts& into) {
  into = {{"state=\"connected\"", 0}, {"state=\"lost\"", 0}, {"state=\"quarantined\"", 0}};
  return database.scan(store::family::nodes, "", false,
                       [&](std::string_view, std::string_view value) {
                         auto node = wire::frame<wire::NodeRecord>::parse(value);
                         if (!node) return true;
                         bool quarantined = (*node)->getQuarantine().size() > 0;
                         ++into[!(*node)->getConnected() ? "state=\"lost\""
                                : quarantined            ? "state=\"quarantined\""
                                                         : "state=\"connected\""];
                         return true;
                       });
}

result<std::string> prometheus_metrics(const context& context, const request_counts& answered) {
  counts jobs, studies, nodes, requests;
  const auto& database = context.database();
  auto counted = count_jobs<custom_job_kind>(database, jobs);
  if (counted) counted = count_jobs<tuning_job_kind>(database, jobs);
  if (counted) counted = count_studies(database, studies);
  if (counted) counted = count_nodes(database, nodes);
  if (!counted) return std::unexpected(counted.error());
  for (auto [status, count] : answered.by_status())
    requests[fmt::format("code=\"{}\"", status)] = count;
  std::string out;
  write_metric(out, "troupe_jobs", "gauge", "Jobs that are stored, by state.", jobs);
  write_metric(out, "troupe_studies", "gauge", "Studies that are stored, by state.", studies);
  write_metric(out, "troupe_nodes", "gauge", "Nodes that are known, by state.", nodes);
  write_metric(out, "troupe_http_requests_total", "counter", "HTTP requests answered, by status.",
               requests);
  return out;
}

} // namespace

void show_prometheus_metrics(const context& context, const request_counts& answered, answer reply) {
  auto text = prometheus_metrics(context, answered);
  if (!text) return reply(error_response(text.error()));
  reply({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(*text)});
}

} // namespace troupe::api
