#include "api/resources/job_filter.hpp"

#include "wire/frame.hpp"

#include <array>

namespace troupe::api {

namespace {

struct known_field {
  std::string_view snake;
  std::string_view camel;
  field_type type;
};

constexpr std::array known_fields{
    known_field{"name", "name", field_type::text},
    known_field{"display_name", "displayName", field_type::text},
    known_field{"state", "state", field_type::job_state},
    known_field{"create_time", "createTime", field_type::timestamp},
    known_field{"start_time", "startTime", field_type::timestamp},
    known_field{"end_time", "endTime", field_type::timestamp},
    known_field{"update_time", "updateTime", field_type::timestamp},
};

const known_field* known(std::string_view name) {
  for (const known_field& field : known_fields)
    if (field.snake == name || field.camel == name) return &field;
  return nullptr;
}

std::optional<field_type> type_of(const field_path& path) {
  if (path[0] == "labels")
    return path.size() == 1 ? field_type::keys : std::optional(field_type::text);
  const known_field* field = known(path[0]);
  if (!field || path.size() != 1) return std::nullopt;
  return field->type;
}

/// A label's key may itself contain dots, as aiplatform.googleapis.com/x does.
std::string label_key(const field_path& path) {
  std::string key = path[1];
  for (size_t part = 2; part < path.size(); ++part)
    key += "." + path[part];
  return key;
}

field_values labels_of(wire::StringMap::Reader labels, const field_path& path) {
  field_values found;
  for (auto entry : labels.getEntries())
    if (path.size() == 1)
      found.texts.push_back(wire::str(entry.getKey()));
    else if (wire::view(entry.getKey()) == label_key(path))
      found.texts.push_back(wire::str(entry.getValue()));
  return found;
}

field_values time_of(bool has, wire::Timestamp::Reader time) {
  if (!has) return {};
  return {.numbers = {time.getMicros() * 1000}};
}

template <class Reader>
field_values values_of(Reader job, const field_path& path) {
  if (path[0] == "labels") return labels_of(job.getLabels(), path);
  std::string_view field = known(path[0])->snake;
  if (field == "name") return {.texts = {wire::str(job.getName())}};
  if (field == "display_name") return {.texts = {wire::str(job.getDisplayName())}};
  if (field == "state") return {.numbers = {int64_t(job.getState())}};
  if (field == "create_time") return time_of(job.hasCreateTime(), job.getCreateTime());
  if (field == "start_time") return time_of(job.hasStartTime(), job.getStartTime());
  if (field == "end_time") return time_of(job.hasEndTime(), job.getEndTime());
  return time_of(job.hasUpdateTime(), job.getUpdateTime());
}

} // namespace

result<filter> job_filter(std::string_view text) {
  return filter::parse(text, type_of,
                       "name, display_name, state, create_time, start_time, end_time, update_time, "
                       "labels.KEY");
}

bool matches(const filter& wanted, wire::CustomJob::Reader job) {
  return wanted.matches([&](const field_path& path) { return values_of(job, path); });
}

bool matches(const filter& wanted, wire::HyperparameterTuningJob::Reader job) {
  return wanted.matches([&](const field_path& path) { return values_of(job, path); });
}

} // namespace troupe::api
