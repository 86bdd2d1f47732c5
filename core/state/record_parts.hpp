// What the records of jobs of either kind share: times, errors, and the fields that only the service
// sets. Only the .cpp files of core/state include this.
#pragma once

#include "core/state/failure.hpp"
#include "wire/frame.hpp"

#include <optional>
#include <string>

namespace troupe::core {

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

inline void set_status(wire::Status::Builder status, const failure& error) {
  status.setCode(static_cast<int32_t>(error.code));
  status.setMessage(wire::text(error.message));
}

template <class Builder>
void set_error(Builder builder, const std::optional<failure>& error) {
  if (error)
    set_status(builder.initError(), *error);
  else
    builder.disownError();
}

inline std::optional<failure> failure_of(wire::Status::Reader status) {
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

/// The fields that only the service sets, whatever the submitter wrote there.
template <class Job>
void set_output_fields(Job job, const std::string& name, int64_t now) {
  job.setName(wire::text(name));
  job.setState(wire::JobState::QUEUED);
  job.initCreateTime().setMicros(now);
  job.initUpdateTime().setMicros(now);
  job.disownStartTime();
  job.disownEndTime();
  job.disownError();
  job.setSatisfiesPzs(false);
  job.setSatisfiesPzi(false);
}

} // namespace troupe::core
