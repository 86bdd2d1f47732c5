#include "api/logs/log_entries.hpp"

#include "api/query/rfc3339.hpp"
#include "api/query/severity.hpp"
#include "wire/frame.hpp"

#include <map>
#include <optional>

namespace troupe::api {

namespace {

constexpr auto trial_label = "ml.googleapis.com/trial_id";

std::optional<wire::tree> object_of(std::string_view line) {
  // A quick look first: nearly every line is plain text.
  size_t first = line.find_first_not_of(" \t");
  if (first == line.npos || line[first] != '{') return std::nullopt;
  auto parsed = wire::parse_json(line, "line");
  if (!parsed || parsed->is != wire::tree::kind::object) return std::nullopt;
  return std::move(*parsed);
}

std::string severity_of(const wire::tree& payload) {
  const wire::tree* severity = payload.find("severity");
  if (!severity) return "INFO";
  return std::string(severity_name(severity->scalar));
}

std::string joined(const field_path& path, size_t first) {
  std::string whole = path[first];
  for (size_t part = first + 1; part < path.size(); ++part)
    whole += "." + path[part];
  return whole;
}

std::string log_name(const log_entry& entry) {
  return fmt::format("projects/{}/logs/{}", entry.origin.project, entry.task);
}

field_values payload_values(const log_entry& entry, const field_path& path) {
  const wire::tree* value = &entry.payload;
  for (size_t part = 1; part < path.size() && value; ++part)
    value = value->find(path[part]);
  using kind = wire::tree::kind;
  bool scalar =
      value && value->is != kind::null && value->is != kind::object && value->is != kind::array;
  if (!scalar) return {};
  return {.texts = {value->scalar}};
}

field_values resource_values(const log_entry& entry, const field_path& path) {
  if (path[1] == "type") return {.texts = {"ml_job"}};
  const std::string& label = path[2];
  if (label == "task_name") return {.texts = {entry.task}};
  if (label == "project_id") return {.texts = {entry.origin.project}};
  // A trial's entries belong to its tuning job as well.
  field_values ids{.texts = {std::to_string(entry.origin.job)}};
  if (entry.origin.tuning_job != 0) ids.texts.push_back(std::to_string(entry.origin.tuning_job));
  return ids;
}

field_values values_of(const log_entry& entry, const field_path& path) {
  const std::string& field = path[0];
  if (field == "resource") return resource_values(entry, path);
  if (field == "timestamp") return {.numbers = {entry.nanos}};
  if (field == "severity") return {.numbers = {severity_number(entry.severity).value_or(0)}};
  if (field == "logName" || field == "log_name") return {.texts = {log_name(entry)}};
  if (field == "insertId" || field == "insert_id") return {.texts = {entry.insert_id}};
  if (field == "jsonPayload" || field == "json_payload") return payload_values(entry, path);
  if (field == "labels") {
    if (entry.origin.trial_id.empty() || joined(path, 1) != trial_label) return {};
    return {.texts = {entry.origin.trial_id}};
  }
  if (entry.payload.is == wire::tree::kind::object) return {};
  return {.texts = {entry.text}};
}

std::optional<field_type> type_of(const field_path& path) {
  const std::string& field = path[0];
  if (field == "resource") {
    if (path.size() == 2 && path[1] == "type") return field_type::text;
    bool label = path.size() == 3 && path[1] == "labels"
                 && (path[2] == "job_id" || path[2] == "task_name" || path[2] == "project_id");
    return label ? std::optional(field_type::text) : std::nullopt;
  }
  if (field == "labels" || field == "jsonPayload" || field == "json_payload")
    return path.size() > 1 ? std::optional(field_type::text) : std::nullopt;
  if (path.size() != 1) return std::nullopt;
  static const std::map<std::string, field_type, std::less<>> simple{
      {"timestamp", field_type::timestamp}, {"severity", field_type::severity},
      {"logName", field_type::text},        {"log_name", field_type::text},
      {"insertId", field_type::text},       {"insert_id", field_type::text},
      {"textPayload", field_type::text},    {"text_payload", field_type::text}};
  auto found = simple.find(field);
  return found == simple.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

log_entry entry_of(const log_origin& origin, wire::LogEntry::Reader line) {
  log_entry entry{.origin = origin, .task = wire::str(line.getTask())};
  entry.nanos = line.getTimestampNanos();
  entry.insert_id =
      fmt::format("{}/{}/{:012}", origin.job, wire::view(line.getReplica()), line.getNextOffset());
  if (auto object = object_of(wire::view(line.getLine()))) {
    entry.severity = severity_of(*object);
    entry.payload = std::move(*object);
  } else {
    entry.severity = line.getStderr() ? "ERROR" : "INFO";
    entry.text = wire::str(line.getLine());
  }
  return entry;
}

log_entry entry_of(const log_origin& origin, uint64_t number, wire::ServiceLog::Reader message) {
  log_entry entry{.origin = origin, .task = "service"};
  entry.nanos = message.getAtMicros() * 1000;
  auto severity = wire::view(message.getSeverity());
  entry.severity = severity.empty() ? "INFO" : severity_name(severity);
  entry.text = wire::str(message.getMessage());
  entry.insert_id = fmt::format("{}/service/{:012}", origin.job, number);
  return entry;
}

std::string json_of(const log_entry& entry) {
  json_writer out;
  out.begin_object().member("logName", log_name(entry));
  out.key("resource").begin_object().member("type", "ml_job").key("labels").begin_object();
  out.member("job_id", std::to_string(entry.origin.job));
  out.member("project_id", entry.origin.project).member("task_name", entry.task);
  out.end_object().end_object();
  out.member("timestamp", rfc3339_of_nanos(entry.nanos)).member("severity", entry.severity);
  if (entry.payload.is == wire::tree::kind::object)
    out.key("jsonPayload").value(entry.payload, "severity");
  else
    out.member("textPayload", entry.text);
  out.member("insertId", entry.insert_id);
  if (!entry.origin.trial_id.empty())
    out.key("labels").begin_object().member(trial_label, entry.origin.trial_id).end_object();
  return out.end_object().take();
}

result<filter> log_filter(std::string_view text) {
  return filter::parse(text, type_of,
                       "resource.type, resource.labels.job_id, resource.labels.task_name, "
                       "resource.labels.project_id, timestamp, severity, logName, insertId, "
                       "textPayload, jsonPayload.KEY, labels.KEY");
}

bool matches(const filter& wanted, const log_entry& entry) {
  return wanted.matches([&](const field_path& path) { return values_of(entry, path); });
}

} // namespace troupe::api
