#include "core/state/study_records.hpp"

#include "core/state/record_parts.hpp"
#include "core/state/trial_records.hpp"

#include <algorithm>

namespace troupe::core {

using wire::text;

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
    record.setLookAgainMicros(study.look_again_micros.value_or(0));
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

wire::frame<wire::TuningJobRecord> record_of(const tuning_job& job) {
  return wire::frame<wire::TuningJobRecord>::build([&](wire::TuningJobRecord::Builder record) {
    record.setProject(text(job.project));
    record.setLocation(text(job.location));
    record.setToken(text(job.token));
    record.setReason(text(job.reason));
    record.setCancelRequested(job.cancel_requested);
    record.setEndState(job.end_state);
    if (job.end_error) set_status(record.initEndError(), *job.end_error);
    record.setEndReason(text(job.end_reason));
    record.setTunerFailures(job.tuner_failures);
    record.setLookAgainMicros(job.look_again_micros.value_or(0));
  });
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

namespace {

/// What both forms of the record have.
template <class Record>
void read_common(tuning_job& job, Record record) {
  job.project = wire::str(record.getProject());
  job.location = wire::str(record.getLocation());
  job.token = wire::str(record.getToken());
  job.reason = wire::str(record.getReason());
  job.cancel_requested = record.getCancelRequested();
  job.end_state = record.getEndState();
  job.end_error = failure_of(record.getEndError());
  job.end_reason = wire::str(record.getEndReason());
}

} // namespace

void read(tuning_job& job, wire::TuningJobRecord::Reader record) {
  read_common(job, record);
  job.tuner_failures = record.getTunerFailures();
  if (record.getLookAgainMicros() != 0) job.look_again_micros = record.getLookAgainMicros();
}

void read(tuning_job& job, wire::AttemptRecord::Reader record) {
  read_common(job, record);
  job.tuner_failures = record.getJobRetries();
  if (record.getDeadlineMicros() != 0) job.look_again_micros = record.getDeadlineMicros();
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
  if (record.getLookAgainMicros() != 0) study.look_again_micros = record.getLookAgainMicros();
  for (auto from : record.getPending()) {
    pending_operation waits{.id = from.getOperation(), .start_micros = from.getStartMicros()};
    if (from.isCheckTrial())
      waits.checked = from.getCheckTrial();
    else
      waits.wanted = wire::frame<wire::SuggestTrialsRequest>::copy(from.getSuggest());
    study.pending.push_back(std::move(waits));
  }
}

} // namespace troupe::core
