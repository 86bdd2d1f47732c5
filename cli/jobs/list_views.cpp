// How lists of jobs and nodes are shown to a person.
#include "cli/jobs/views.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/table.hpp"

namespace troupe::cli {

namespace {

size_t trials_ended(json_value job) {
  size_t ended = 0;
  for (auto trial : job["trials"].items())
    ended += trial["state"].text() == "SUCCEEDED" || trial["state"].text() == "INFEASIBLE";
  return ended;
}

std::string accelerators(json_value resources, json_value allocated) {
  auto total = resources["gpus"].integer();
  if (total == 0) return "-";
  auto type = resources["gpuType"].text();
  return fmt::format("{}/{}{}", allocated["gpus"].integer(), total, type.empty() ? "" : " " + type);
}

std::string node_state(json_value node) {
  if (!node["quarantine"].text().empty()) return "QUARANTINED";
  return node["connected"].truth() ? "READY" : "DISCONNECTED";
}

std::string note_on(json_value node, instant now) {
  if (auto reason = node["quarantine"].text(); !reason.empty()) return printable(reason);
  auto seen = parse_time(node["lastSeen"].text());
  return node["connected"].truth() || !seen ? "" : "last seen " + age(*seen, now);
}

} // namespace

lines job_list(const console& at, const std::vector<json_value>& jobs, const job_kind& kind,
               instant now) {
  bool tuning = kind.type == tuning_job_kind.type;
  std::vector<table::column> columns = {{"ID"}, {"NAME", align::left, 40}, {"STATE"}};
  if (tuning) columns.push_back({"TRIALS", align::right});
  columns.push_back({"CREATED"});
  columns.push_back({"DURATION", align::right});
  table listing(columns);
  for (auto job : jobs) {
    auto state = job["state"].text();
    std::vector<std::string> cells = {id_of(job["name"].text()),
                                      printable(job["displayName"].text()),
                                      at.painted(tone_of(state), short_state(state))};
    if (tuning)
      cells.push_back(fmt::format("{}/{}", trials_ended(job), job["maxTrialCount"].integer()));
    cells.push_back(local_time(parse_time(job["createTime"].text())));
    cells.push_back(duration_of(job, now));
    listing.add(std::move(cells));
  }
  return listing.lines();
}

lines node_list(const console& at, const std::vector<json_value>& nodes, instant now) {
  table listing({{"NAME"},
                 {"ADDRESS"},
                 {"STATE"},
                 {"CPUS"},
                 {"MEMORY"},
                 {"GPUS"},
                 {"NOTE", align::left, 80}});
  for (auto node : nodes) {
    auto has = node["resources"];
    auto used = node["allocated"];
    auto state = node_state(node);
    auto amount = [](json_value value) {
      return static_cast<uint64_t>(std::max<int64_t>(value.integer(), 0));
    };
    listing.add({printable(node["name"].text()), printable(node["address"].text()),
                 at.painted(tone_of(state), state),
                 fmt::format("{}/{}", cpu_amount(amount(used["cpuMillis"])),
                             cpu_amount(amount(has["cpuMillis"]))),
                 fmt::format("{}/{}", byte_amount(amount(used["memoryBytes"])),
                             byte_amount(amount(has["memoryBytes"]))),
                 accelerators(has, used), note_on(node, now)});
  }
  return listing.lines();
}

} // namespace troupe::cli
