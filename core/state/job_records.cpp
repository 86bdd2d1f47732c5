#include "core/state/job_records.hpp"

#include "core/state/record_parts.hpp"

#include <charconv>

namespace troupe::core {

using wire::text;

namespace {

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

} // namespace

void set_replica_id(wire::ReplicaId::Builder builder, const custom_job& job, const replica& r) {
  builder.setJobId(job.id);
  builder.setAttempt(job.attempt);
  builder.setPool(r.pool);
  builder.setIndex(r.index);
  builder.setIncarnation(r.incarnation);
}

wire::frame<wire::CustomJob> named_job(wire::CustomJob::Reader wanted, const std::string& name,
                                       int64_t now) {
  return wire::frame<wire::CustomJob>::copy(wanted).with([&](wire::CustomJob::Builder job) {
    set_output_fields(job, name, now);
    job.disownWebAccessUris();
  });
}

wire::frame<wire::CustomJob> resource_of(const custom_job& job) {
  return job.submitted.with([&](wire::CustomJob::Builder builder) {
    builder.setState(job.state);
    set_times(builder, job);
    set_error(builder, job.error);
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
    auto points = record.initSeenMetrics(static_cast<uint32_t>(job.points.size()));
    for (uint32_t i = 0; i < points.size(); ++i) {
      wire::fill(points[i], job.points[i]);
    }
    record.setFirstFailure(text(job.first_failure));
    auto nodes = record.initLogNodes(static_cast<uint32_t>(job.log_nodes.size()));
    uint32_t i = 0;
    for (const std::string& name : job.log_nodes)
      nodes.set(i++, text(name));
    record.setServiceLogs(job.service_logs);
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
    job.points.push_back(wire::metric_point_of(point));
  job.first_failure = wire::str(record.getFirstFailure());
  for (auto name : record.getLogNodes())
    job.log_nodes.insert(wire::str(name));
  job.service_logs = record.getServiceLogs();
}

} // namespace troupe::core
