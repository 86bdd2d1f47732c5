// GET {job}:status: what the controller knows of a job beside the resource itself: its attempt, its
// replicas, and why it waits.
#include "api/backend/lookup.hpp"
#include "api/backend/stored_trials.hpp"
#include "api/query/json_writer.hpp"
#include "api/query/rfc3339.hpp"
#include "api/resources/handlers.hpp"
#include "api/resources/job_kinds.hpp"
#include "base/names.hpp"
#include "wire/enum_names.hpp"

namespace troupe::api {

namespace {

using attempt_frame = std::optional<wire::frame<wire::AttemptRecord>>;

result<attempt_frame> attempt_of(const context& context, uint64_t job) {
  return stored<wire::AttemptRecord>(context.database(), store::family::attempts,
                                     store::key_of(job));
}

void write_time(json_writer& out, std::string_view key, int64_t micros) {
  if (micros != 0) out.member(key, rfc3339_of_nanos(micros * 1000));
}

void write_replica(json_writer& out, wire::ReplicaRecord::Reader replica) {
  auto status = replica.getStatus();
  auto id = status.getId();
  out.begin_object();
  out.member("task", task_name(id.getPool(), id.getIndex()));
  out.member("node", wire::view(replica.getNode()));
  out.member("phase", wire::enum_name(status.getPhase()));
  out.member("incarnation", id.getIncarnation());
  out.member("exitCode", status.getExitCode()).member("signal", status.getSignal());
  out.member("outOfMemory", status.getOutOfMemory());
  out.member("message", wire::view(status.getMessage()));
  write_time(out, "startTime", status.getStartedMicros());
  write_time(out, "endTime", status.getEndedMicros());
  out.end_object();
}

void write_attempt(json_writer& out, const attempt_frame& record) {
  out.member("attempt", record ? (*record)->getAttempt() : 0);
  out.member("jobRetries", record ? (*record)->getJobRetries() : 0);
  out.member("reason", record ? wire::view((*record)->getReason()) : std::string_view());
  out.key("replicas").begin_array();
  if (record)
    for (auto replica : (*record)->getReplicas())
      write_replica(out, replica);
  out.end_array();
}

/// How many queued jobs were submitted before this one; ids are in the order of submission.
result<size_t> queued_before(const context& context, uint64_t id) {
  constexpr size_t rows_read_max = 5000;
  size_t queued = 0, read = 0;
  auto count = [&](std::string_view, std::string_view value) {
    auto job = wire::frame<wire::CustomJob>::parse(value);
    if (job && (*job)->getState() == wire::JobState::QUEUED) ++queued;
    return ++read < rows_read_max;
  };
  auto scanned =
      context.database().scan(store::family::custom_jobs, store::key_of(id - 1), true, count);
  if (!scanned) return std::unexpected(scanned.error());
  return queued;
}

result<std::string> custom_job_status(const context& context, const resource_path& path) {
  auto job = resource_at<wire::CustomJob>(context, store::family::custom_jobs,
                                          custom_job_kind::collection, path);
  if (!job) return std::unexpected(job.error());
  auto id = *parse_id(path.id);
  auto record = attempt_of(context, id);
  if (!record) return std::unexpected(record.error());
  json_writer out;
  out.begin_object().member("name", wire::view((*job)->getName()));
  out.member("state", wire::enum_name((*job)->getState()));
  write_attempt(out, *record);
  if ((*job)->getState() == wire::JobState::QUEUED) {
    auto before = queued_before(context, id);
    if (!before) return std::unexpected(before.error());
    out.key("queue").begin_object().member("position", *before + 1).end_object();
  }
  return out.end_object().take();
}

result<> write_trial(const context& context, json_writer& out, wire::Trial::Reader trial) {
  out.begin_object().member("id", wire::view(trial.getId()));
  out.member("state", wire::enum_name(trial.getState()));
  out.member("customJob", wire::view(trial.getCustomJob()));
  if (auto id = last_id(wire::view(trial.getCustomJob()))) {
    auto record = attempt_of(context, *id);
    if (!record) return std::unexpected(record.error());
    write_attempt(out, *record);
  }
  out.end_object();
  return {};
}

result<std::string> tuning_job_status(const context& context, const resource_path& path) {
  auto job = resource_at<wire::HyperparameterTuningJob>(context, store::family::tuning_jobs,
                                                        tuning_job_kind::collection, path);
  if (!job) return std::unexpected(job.error());
  job = with_trials(context.database(), *job);
  if (!job) return std::unexpected(job.error());
  json_writer out;
  out.begin_object().member("name", wire::view((*job)->getName()));
  out.member("state", wire::enum_name((*job)->getState()));
  out.key("trials").begin_array();
  for (auto trial : (*job)->getTrials())
    if (auto written = write_trial(context, out, trial); !written)
      return std::unexpected(written.error());
  return out.end_array().end_object().take();
}

} // namespace

void show_custom_job_status(const context& context, const request&, const resource_path& path,
                            answer reply) {
  reply(respond(custom_job_status(context, path)));
}

void show_tuning_job_status(const context& context, const request&, const resource_path& path,
                            answer reply) {
  reply(respond(tuning_job_status(context, path)));
}

} // namespace troupe::api
