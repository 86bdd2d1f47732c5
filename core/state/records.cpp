#include "core/state/records.hpp"

#include "core/cluster/engine.hpp"
#include "core/machines/pools.hpp"
#include "core/state/trial_records.hpp"
#include "tuner/parameter_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace troupe::core {

using wire::text;

namespace {

constexpr int64_t second_micros = 1'000'000;
constexpr int64_t default_timeout_micros = 604'800 * second_micros;
constexpr int64_t default_max_wait_micros = 86'400 * second_micros;

/// The four times that every job resource has.
template <class Builder, class Job>
void set_times(Builder builder, const Job& job) {
  builder.initCreateTime().setMicros(job.create_micros);
  builder.initUpdateTime().setMicros(job.update_micros);
  if (job.start_micros != 0)
    builder.initStartTime().setMicros(job.start_micros);
  else
    builder.disownStartTime();
  if (job.end_micros != 0)
    builder.initEndTime().setMicros(job.end_micros);
  else
    builder.disownEndTime();
}

void set_status(wire::Status::Builder status, const failure& what) {
  status.setCode(static_cast<int32_t>(what.code));
  status.setMessage(text(what.message));
}

template <class Builder>
void set_error(Builder builder, const std::optional<failure>& error) {
  if (error)
    set_status(builder.initError(), *error);
  else
    builder.disownError();
}

std::optional<failure> failure_of(wire::Status::Reader status) {
  if (status.getCode() == 0) return std::nullopt;
  return failure{static_cast<errc>(status.getCode()), wire::str(status.getMessage())};
}

template <class Job, class Reader>
void read_times(Job& job, Reader from) {
  job.create_micros = from.getCreateTime().getMicros();
  job.update_micros = from.getUpdateTime().getMicros();
  job.start_micros = from.getStartTime().getMicros();
  job.end_micros = from.getEndTime().getMicros();
}

void set_replica_id(wire::ReplicaId::Builder builder, const custom_job& job, const replica& r) {
  builder.setJobId(job.id);
  builder.setAttempt(job.attempt);
  builder.setPool(r.pool);
  builder.setIndex(r.index);
  builder.setIncarnation(r.incarnation);
}

template <class Spec>
void append_args(Spec spec, capnp::List<capnp::Text>::Reader old,
                 const std::vector<std::string>& flags) {
  auto args = spec.initArgs(old.size() + static_cast<uint32_t>(flags.size()));
  for (uint32_t i = 0; i < old.size(); ++i)
    args.set(i, old[i]);
  for (uint32_t i = 0; i < flags.size(); ++i)
    args.set(old.size() + i, text(flags[i]));
}

void set_replica(wire::ReplicaRecord::Builder builder, const custom_job& job, const replica& r) {
  auto status = builder.initStatus();
  set_replica_id(status.initId(), job, r);
  status.setPhase(r.phase);
  status.setExitCode(r.exit_code);
  status.setSignal(r.signal);
  status.setMessage(text(r.message));
  status.setOutOfMemory(r.out_of_memory);
  status.setPermanent(r.permanent);
  status.setStartedMicros(r.started_micros);
  status.setEndedMicros(r.ended_micros);
  builder.setNode(text(r.node));
  builder.setHost(text(r.host));
  builder.setPort(r.port);
  builder.setReleased(r.released);
  set_amounts(builder.initHeld(), r.held);
  if (!r.gpu_indices.empty())
    builder.setGpuIndices(kj::arrayPtr(r.gpu_indices.data(), r.gpu_indices.size()));
}

replica replica_of(wire::ReplicaRecord::Reader from) {
  auto status = from.getStatus();
  auto id = status.getId();
  replica r;
  r.pool = id.getPool();
  r.index = id.getIndex();
  r.incarnation = id.getIncarnation();
  r.phase = status.getPhase();
  r.exit_code = status.getExitCode();
  r.signal = status.getSignal();
  r.message = wire::str(status.getMessage());
  r.out_of_memory = status.getOutOfMemory();
  r.permanent = status.getPermanent();
  r.started_micros = status.getStartedMicros();
  r.ended_micros = status.getEndedMicros();
  r.node = wire::str(from.getNode());
  r.host = wire::str(from.getHost());
  r.port = from.getPort();
  r.released = from.getReleased();
  r.held = amounts_of(from.getHeld());
  for (auto index : from.getGpuIndices())
    r.gpu_indices.push_back(index);
  return r;
}

/// What the service alone may say of a new job of either kind, whatever the submitter wrote there.
template <class Job>
void set_output_fields(Job job, const std::string& name, int64_t now) {
  job.setName(text(name));
  job.setState(wire::JobState::QUEUED);
  job.initCreateTime().setMicros(now);
  job.initUpdateTime().setMicros(now);
  job.disownStartTime();
  job.disownEndTime();
  job.disownError();
  job.setSatisfiesPzs(false);
  job.setSatisfiesPzi(false);
}

} // namespace

wire::frame<wire::CustomJob> named_job(wire::CustomJob::Reader wanted, const std::string& name,
                                       int64_t now) {
  return wire::frame<wire::CustomJob>::copy(wanted).with([&](wire::CustomJob::Builder job) {
    set_output_fields(job, name, now);
    job.disownWebAccessUris();
  });
}

wire::frame<wire::HyperparameterTuningJob> named_job(wire::HyperparameterTuningJob::Reader wanted,
                                                     const std::string& name, int64_t now) {
  return wire::frame<wire::HyperparameterTuningJob>::copy(wanted).with(
      [&](wire::HyperparameterTuningJob::Builder job) {
        set_output_fields(job, name, now);
        job.disownTrials();
        job.disownBestTrial();
        job.disownOptimalTrials();
      });
}

wire::frame<wire::Study> named_study(wire::Study::Reader wanted, const std::string& name,
                                     int64_t now) {
  return wire::frame<wire::Study>::copy(wanted).with([&](wire::Study::Builder study) {
    study.setName(text(name));
    study.setState(wire::Study::State::ACTIVE);
    study.initCreateTime().setMicros(now);
    study.disownInactiveReason();
  });
}

wire::frame<wire::CustomJob> trial_custom_job(const tuning_job& tuning, uint32_t number,
                                              wire::Suggestions::ParameterSet::Reader parameters,
                                              const std::string& name, int64_t now) {
  auto from = *tuning.submitted;
  std::vector<std::string> flags = tuner::flags_of(from.getStudySpec(), parameters.getValues());
  auto plain = wire::frame<wire::CustomJob>::build([&](wire::CustomJob::Builder job) {
    job.setDisplayName(text(fmt::format("{}-trial-{}", wire::view(from.getDisplayName()), number)));
    job.setJobSpec(from.getTrialJobSpec());
    if (from.hasLabels()) job.setLabels(from.getLabels());
    if (from.hasEncryptionSpec()) job.setEncryptionSpec(from.getEncryptionSpec());
  });
  auto with_parameters = plain.with([&](wire::CustomJob::Builder job) {
    auto spec = job.getJobSpec();
    auto source = plain->getJobSpec();
    for (uint32_t i = 0; i < source.getWorkerPoolSpecs().size(); ++i) {
      auto pool = source.getWorkerPoolSpecs()[i];
      auto target = spec.getWorkerPoolSpecs()[i];
      if (is_reducer_pool(pool)) continue;
      if (pool.isContainerSpec())
        append_args(target.getContainerSpec(), pool.getContainerSpec().getArgs(), flags);
      else if (pool.isPythonPackageSpec())
        append_args(target.getPythonPackageSpec(), pool.getPythonPackageSpec().getArgs(), flags);
    }
    if (!source.hasBaseOutputDirectory()) return;
    std::string directory = wire::str(source.getBaseOutputDirectory().getOutputUriPrefix());
    if (directory.empty()) return;
    if (directory.back() != '/') directory += '/';
    spec.getBaseOutputDirectory().setOutputUriPrefix(text(fmt::format("{}{}/", directory, number)));
  });
  return named_job(*with_parameters, name, now);
}

std::string read_spec(custom_job& job, const machine_table& machines) {
  auto spec = job.submitted->getJobSpec();
  auto scheduling = spec.getScheduling();
  job.timeout_micros = scheduling.getTimeout().getMicros();
  if (job.timeout_micros <= 0) job.timeout_micros = default_timeout_micros;
  job.max_wait_micros = 0;
  if (scheduling.getStrategy() == wire::Scheduling::Strategy::FLEX_START)
    job.max_wait_micros = scheduling.hasMaxWaitDuration()
                              ? scheduling.getMaxWaitDuration().getMicros()
                              : default_max_wait_micros;
  job.disable_retries = scheduling.getDisableRetries();
  job.restart_job_on_worker_restart =
      scheduling.getRestartJobOnWorkerRestart() && !job.disable_retries;
  job.pools.clear();
  for (uint32_t i = 0; i < spec.getWorkerPoolSpecs().size(); ++i) {
    auto pool = spec.getWorkerPoolSpecs()[i];
    uint32_t count = replica_count(pool);
    if (count == 0) continue;
    auto each = demand_of(machines, pool.getMachineSpec());
    if (!each) return fmt::format("workerPoolSpecs[{}].machineSpec: {}", i, each.error().message);
    job.pools.push_back({i, count, *each});
  }
  return job.pools.empty()
             ? "workerPoolSpecs: there is no replica in any pool; expected 1 in pool 0"
             : std::string();
}

wire::frame<wire::CustomJob> resource_of(const custom_job& job) {
  return job.submitted.with([&](wire::CustomJob::Builder builder) {
    builder.setState(job.state);
    set_times(builder, job);
    set_error(builder, job.error);
  });
}

wire::frame<wire::HyperparameterTuningJob> resource_of(const tuning_job& job) {
  return job.submitted.with([&](wire::HyperparameterTuningJob::Builder builder) {
    builder.setState(job.state);
    set_times(builder, job);
    set_error(builder, job.error);
    fill_best(builder, job);
  });
}

wire::frame<wire::HyperparameterTuningJob> whole_of(const tuning_job& job) {
  return resource_of(job).with(
      [&](wire::HyperparameterTuningJob::Builder builder) { fill_trials(builder, job); });
}

wire::frame<wire::Study> resource_of(const client_study& study) {
  return study.submitted.with([&](wire::Study::Builder builder) {
    builder.setState(study.state);
    if (!study.inactive_reason.empty()) builder.setInactiveReason(text(study.inactive_reason));
  });
}

wire::frame<wire::StudyRecord> record_of(const client_study& study) {
  return wire::frame<wire::StudyRecord>::build([&](wire::StudyRecord::Builder record) {
    record.setNextTrial(study.next_trial);
    record.setUpdateMicros(study.update_micros);
    record.setLookAgainMicros(study.armed_micros.value_or(0));
    auto pending = record.initPending(static_cast<uint32_t>(study.pending.size()));
    for (uint32_t i = 0; i < pending.size(); ++i) {
      const pending_operation& from = study.pending[i];
      pending[i].setOperation(from.id);
      pending[i].setStartMicros(from.start_micros);
      if (from.checked != 0)
        pending[i].setCheckTrial(from.checked);
      else
        pending[i].setSuggest(*from.wanted);
    }
  });
}

wire::frame<wire::AttemptRecord> record_of(const custom_job& job) {
  return wire::frame<wire::AttemptRecord>::build([&](wire::AttemptRecord::Builder record) {
    record.setJobId(job.id);
    record.setAttempt(job.attempt);
    auto replicas = record.initReplicas(static_cast<uint32_t>(job.replicas.size()));
    for (uint32_t i = 0; i < replicas.size(); ++i)
      set_replica(replicas[i], job, job.replicas[i]);
    record.setTuningJobId(job.tuning_job);
    if (job.trial != 0) record.setTrialId(text(std::to_string(job.trial)));
    record.setToken(text(job.token));
    record.setReason(text(job.reason));
    record.setJobRetries(job.retries);
    record.setCancelRequested(job.cancel_requested);
    record.setDeadlineMicros(job.deadline_micros);
    record.setProject(text(job.project));
    record.setLocation(text(job.location));
    record.setEndState(job.after_stop);
    record.setKillDeadlineMicros(job.kill_deadline_micros);
    record.setSubmitSequence(job.id);
    auto points = record.initSeenMetrics(static_cast<uint32_t>(job.points.size()));
    for (uint32_t i = 0; i < points.size(); ++i) {
      points[i].setTag(text(job.points[i].tag));
      points[i].setValue(job.points[i].value);
      points[i].setStep(job.points[i].step);
      points[i].setTimestampMicros(job.points[i].timestamp_micros);
    }
    record.setFirstFailure(text(job.first_failure));
    auto nodes = record.initLogNodes(static_cast<uint32_t>(job.log_nodes.size()));
    uint32_t i = 0;
    for (const std::string& name : job.log_nodes)
      nodes.set(i++, text(name));
    record.setServiceLogs(job.service_logs);
  });
}

wire::frame<wire::AttemptRecord> record_of(const tuning_job& job) {
  return wire::frame<wire::AttemptRecord>::build([&](wire::AttemptRecord::Builder record) {
    record.setJobId(job.id);
    record.setToken(text(job.token));
    record.setReason(text(job.reason));
    record.setCancelRequested(job.cancel_requested);
    record.setProject(text(job.project));
    record.setLocation(text(job.location));
    record.setEndState(job.end_state);
    if (job.end_error) set_status(record.initEndError(), *job.end_error);
    record.setSubmitSequence(job.id);
    record.setEndReason(text(job.end_reason));
    record.setJobRetries(job.tuner_failures);
    record.setDeadlineMicros(job.armed_micros.value_or(0));
  });
}

wire::frame<wire::NodeRecord> record_of(const node& n) {
  return wire::frame<wire::NodeRecord>::build([&](wire::NodeRecord::Builder record) {
    auto hello = record.initHello();
    hello.setName(text(n.name));
    hello.setAddress(text(n.address));
    hello.setBootId(text(n.boot_id));
    hello.setVersion(text(n.version));
    hello.setAgentEpoch(n.agent_epoch);
    set_amounts(hello.initResources(), n.total);
    hello.setPortFirst(n.port_first);
    hello.setPortLast(n.port_last);
    record.setConnected(n.connected);
    record.setLastSeenMicros(n.last_seen_micros);
    record.setQuarantine(text(n.quarantine));
    amounts used = n.used;
    used.gpu_type = n.total.gpu_type;
    set_amounts(record.initAllocated(), used);
  });
}

void read(custom_job& job, wire::frame<wire::CustomJob> stored) {
  job.submitted = std::move(stored);
  job.state = job.submitted->getState();
  read_times(job, *job.submitted);
  job.error = failure_of(job.submitted->getError());
}

void read(custom_job& job, wire::AttemptRecord::Reader record) {
  job.id = record.getJobId();
  job.attempt = record.getAttempt();
  for (auto r : record.getReplicas())
    job.replicas.push_back(replica_of(r));
  job.tuning_job = record.getTuningJobId();
  std::string_view trial = wire::view(record.getTrialId());
  std::from_chars(trial.data(), trial.data() + trial.size(), job.trial);
  job.token = wire::str(record.getToken());
  job.reason = wire::str(record.getReason());
  job.retries = record.getJobRetries();
  job.cancel_requested = record.getCancelRequested();
  job.deadline_micros = record.getDeadlineMicros();
  job.project = wire::str(record.getProject());
  job.location = wire::str(record.getLocation());
  job.after_stop = record.getEndState();
  job.kill_deadline_micros = record.getKillDeadlineMicros();
  for (auto point : record.getSeenMetrics())
    job.points.push_back(
        {wire::str(point.getTag()), point.getValue(), point.getStep(), point.getTimestampMicros()});
  job.first_failure = wire::str(record.getFirstFailure());
  for (auto name : record.getLogNodes())
    job.log_nodes.insert(wire::str(name));
  job.service_logs = record.getServiceLogs();
}

void read(tuning_job& job, wire::frame<wire::HyperparameterTuningJob> stored) {
  job.state = stored->getState();
  read_times(job, *stored);
  job.error = failure_of(stored->getError());
  for (auto t : stored->getTrials()) {
    trial made = trial_of(t);
    job.trials.emplace(made.number, std::move(made));
  }
  job.submitted = stored.with([](wire::HyperparameterTuningJob::Builder builder) {
    builder.disownTrials();
    builder.disownBestTrial();
    builder.disownOptimalTrials();
  });
}

void read(tuning_job& job, wire::AttemptRecord::Reader record) {
  job.id = record.getJobId();
  job.token = wire::str(record.getToken());
  job.reason = wire::str(record.getReason());
  job.cancel_requested = record.getCancelRequested();
  job.project = wire::str(record.getProject());
  job.location = wire::str(record.getLocation());
  job.end_state = record.getEndState();
  job.end_error = failure_of(record.getEndError());
  job.end_reason = wire::str(record.getEndReason());
  job.tuner_failures = record.getJobRetries();
  if (record.getDeadlineMicros() != 0) job.armed_micros = record.getDeadlineMicros();
}

void read(client_study& study, wire::frame<wire::Study> stored) {
  study.state = stored->getState();
  study.inactive_reason = wire::str(stored->getInactiveReason());
  study.create_micros = stored->getCreateTime().getMicros();
  std::vector<std::string_view> parts;
  for (std::string_view rest = wire::view(stored->getName()); !rest.empty();) {
    const auto slash = std::min(rest.find('/'), rest.size());
    parts.push_back(rest.substr(0, slash));
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  if (parts.size() == 6) study.project = parts[1], study.location = parts[3];
  study.submitted = std::move(stored);
}

void read(client_study& study, wire::StudyRecord::Reader record) {
  study.next_trial = record.getNextTrial();
  study.update_micros = record.getUpdateMicros();
  if (record.getLookAgainMicros() != 0) study.armed_micros = record.getLookAgainMicros();
  for (auto from : record.getPending()) {
    pending_operation waits{.id = from.getOperation(), .start_micros = from.getStartMicros()};
    if (from.isCheckTrial())
      waits.checked = from.getCheckTrial();
    else
      waits.wanted = wire::frame<wire::SuggestTrialsRequest>::copy(from.getSuggest());
    study.pending.push_back(std::move(waits));
  }
}

void read(node& n, wire::NodeRecord::Reader record) {
  auto hello = record.getHello();
  n.name = wire::str(hello.getName());
  n.address = wire::str(hello.getAddress());
  n.boot_id = wire::str(hello.getBootId());
  n.version = wire::str(hello.getVersion());
  n.agent_epoch = hello.getAgentEpoch();
  n.total = amounts_of(hello.getResources());
  n.port_first = hello.getPortFirst();
  n.port_last = hello.getPortLast();
  n.connected = record.getConnected();
  n.last_seen_micros = record.getLastSeenMicros();
  n.quarantine = wire::str(record.getQuarantine());
}

void fill_launch(wire::Launch::Builder launch, const custom_job& job,
                 const std::vector<replica*>& start, const std::vector<std::string>& metric_tags) {
  auto resource = *job.submitted;
  auto spec = resource.getJobSpec();
  launch.setJobId(job.id);
  launch.setAttempt(job.attempt);
  launch.setJobName(resource.getName());
  launch.setDisplayName(resource.getDisplayName());
  launch.setSpec(spec);
  auto pools = launch.initPools(spec.getWorkerPoolSpecs().size());
  for (uint32_t p = 0; p < pools.size(); ++p) {
    pools[p].setReducers(is_reducer_pool(spec.getWorkerPoolSpecs()[p]));
    std::vector<const replica*> assignments;
    for (const replica& r : job.replicas)
      if (r.pool == p) assignments.push_back(&r);
    auto endpoints = pools[p].initEndpoints(static_cast<uint32_t>(assignments.size()));
    for (uint32_t i = 0; i < endpoints.size(); ++i) {
      endpoints[i].setNode(text(assignments[i]->node));
      endpoints[i].setHost(text(assignments[i]->host));
      endpoints[i].setPort(assignments[i]->port);
      if (!assignments[i]->gpu_indices.empty())
        endpoints[i].setGpuIndices(
            kj::arrayPtr(assignments[i]->gpu_indices.data(), assignments[i]->gpu_indices.size()));
    }
  }
  auto replicas = launch.initReplicas(static_cast<uint32_t>(start.size()));
  for (uint32_t i = 0; i < replicas.size(); ++i)
    set_replica_id(replicas[i], job, *start[i]);
  if (job.trial != 0) launch.setTrialId(text(std::to_string(job.trial)));
  launch.setToken(text(job.token));
  launch.setProject(text(job.project));
  launch.setLocation(text(job.location));
  auto tags = launch.initMetricTags(static_cast<uint32_t>(metric_tags.size()));
  for (uint32_t i = 0; i < tags.size(); ++i)
    tags.set(i, text(metric_tags[i]));
}

} // namespace troupe::core
