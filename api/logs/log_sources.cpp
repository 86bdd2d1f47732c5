#include "api/logs/log_sources.hpp"

#include "api/backend/lookup.hpp"
#include "api/backend/stored_trials.hpp"
#include "base/names.hpp"
#include "wire/lifecycle.hpp"

namespace troupe::api {

namespace {

std::string project_of(std::string_view name) {
  const auto parts = parse_resource_name(name);
  return parts ? std::string(parts->project) : std::string();
}

bool is_connected(const context& context, std::string_view node) {
  auto record = stored<wire::NodeRecord>(context.database(), store::family::nodes, node);
  return record && *record && (**record)->getConnected();
}

/// Whether the replica may still write. A job ends with its primary replica, and does not wait for
/// the others.
bool may_write(const context& context, wire::ReplicaRecord::Reader replica) {
  return wire::is_live(replica.getStatus().getPhase())
         && is_connected(context, wire::view(replica.getNode()));
}

log_source source_of(const context& context, uint64_t id, wire::CustomJob::Reader job,
                     const std::optional<wire::frame<wire::AttemptRecord>>& attempt) {
  log_source source{.origin = {.job = id, .project = project_of(wire::view(job.getName()))}};
  source.over = wire::is_over(job.getState());
  if (!attempt) return source;
  auto record = **attempt;
  source.origin.tuning_job = record.getTuningJobId();
  source.origin.trial_id = wire::str(record.getTrialId());
  for (auto node : record.getLogNodes())
    source.nodes.push_back(wire::str(node));
  for (auto replica : record.getReplicas())
    source.over = source.over && !may_write(context, replica);
  return source;
}

result<std::optional<log_source>> custom_job_source(const context& context, uint64_t id) {
  auto key = store::key_of(id);
  // The job is read first: if it has ended, then the attempt that is read next is its last one.
  auto job = stored<wire::CustomJob>(context.database(), store::family::custom_jobs, key);
  if (!job) return std::unexpected(job.error());
  if (!*job) return std::nullopt;
  auto attempt = stored<wire::AttemptRecord>(context.database(), store::family::attempts, key);
  if (!attempt) return std::unexpected(attempt.error());
  return source_of(context, id, ***job, *attempt);
}

result<std::vector<log_source>> tuning_job_sources(const context& context, uint64_t id,
                                                   wire::HyperparameterTuningJob::Reader job) {
  log_source itself{.origin = {.job = id, .project = project_of(wire::view(job.getName()))}};
  itself.over = wire::is_over(job.getState());
  std::vector<log_source> sources{itself};
  for (auto trial : job.getTrials()) {
    auto trial_job = last_id(wire::view(trial.getCustomJob()));
    if (!trial_job) continue;
    auto source = custom_job_source(context, *trial_job);
    if (!source) return std::unexpected(source.error());
    if (!*source) continue;
    (*source)->origin.tuning_job = id;
    (*source)->origin.trial_id = wire::str(trial.getId());
    sources.push_back(std::move(**source));
  }
  return sources;
}

} // namespace

result<std::vector<log_source>> log_sources(const context& context, std::string_view job_id) {
  auto id = parse_id(job_id);
  if (!id)
    return fail(errc::invalid_argument,
                "filter: resource.labels.job_id is '{}'; expected the number at the end of a job's "
                "name",
                job_id.substr(0, 80));
  auto custom = custom_job_source(context, *id);
  if (!custom) return std::unexpected(custom.error());
  if (*custom) return std::vector{std::move(**custom)};
  auto tuning = stored<wire::HyperparameterTuningJob>(
      context.database(), store::family::tuning_jobs, store::key_of(*id));
  if (!tuning) return std::unexpected(tuning.error());
  if (*tuning) {
    auto joined = with_trials(context.database(), **tuning);
    if (!joined) return std::unexpected(joined.error());
    return tuning_job_sources(context, *id, **joined);
  }
  return fail(
      errc::not_found,
      "no custom job and no hyperparameter tuning job has the id {}; list them to see which "
      "exist",
      *id);
}

} // namespace troupe::api
