#include "tests/api/fake_backend.hpp"

#include "wire/json.hpp"

#include <algorithm>

namespace troupe::api::test {

namespace {

wire::frame<wire::Outcome> failure(errc code, const std::string& message) {
  return wire::frame<wire::Outcome>::build([&](wire::Outcome::Builder outcome) {
    auto status = outcome.initError();
    status.setCode(int(code));
    status.setMessage(message);
  });
}

std::string parent_of(wire::Command::Reader command) {
  return fmt::format("projects/{}/locations/{}", wire::view(command.getProject()),
                     wire::view(command.getLocation()));
}

void set_type(capnp::json::Value::Builder value, const char* type) {
  auto fields = value.initObject(1);
  fields[0].setName("@type");
  fields[0].initValue().setString(fmt::format("type.googleapis.com/{}", type));
}

wire::frame<wire::Operation> delete_operation(const std::string& name) {
  return wire::frame<wire::Operation>::build([&](wire::Operation::Builder operation) {
    operation.setName(name);
    operation.setDone(true);
    auto fields = operation.initMetadata().initObject(2);
    fields[0].setName("@type");
    fields[0].initValue().setString(
        "type.googleapis.com/google.cloud.aiplatform.v1.DeleteOperationMetadata");
    fields[1].setName("genericMetadata");
    auto generic = fields[1].initValue().initObject(2);
    generic[0].setName("createTime");
    generic[0].initValue().setString("2026-01-01T00:00:00Z");
    generic[1].setName("updateTime");
    generic[1].initValue().setString("2026-01-01T00:00:00Z");
    set_type(operation.initResponse(), "google.protobuf.Empty");
  });
}

} // namespace

fake_backend::fake_backend() : store_(store::in_memory()) {}

void fake_backend::execute(wire::frame<wire::Command> command,
                           std::function<void(wire::frame<wire::Outcome>)> answer) {
  std::unique_lock lock(mutex_);
  commands_.push_back(command);
  if (holding_) {
    held_.push_back(std::move(answer));
    return;
  }
  auto outcome = next_error_    ? failure(next_error_->code, next_error_->message)
                 : next_answer_ ? *next_answer_
                                : outcome_of(*command);
  next_error_.reset();
  next_answer_.reset();
  lock.unlock();
  answer(outcome);
}

wire::frame<wire::Outcome> fake_backend::outcome_of(wire::Command::Reader command) {
  switch (command.which()) {
  case wire::Command::CREATE_CUSTOM_JOB:
    return create(command);
  case wire::Command::CREATE_TUNING_JOB:
    return create_tuning(command);
  case wire::Command::DELETE_CUSTOM_JOB:
    return remove(command, store::family::custom_jobs, command.getDeleteCustomJob());
  case wire::Command::DELETE_TUNING_JOB:
    return remove(command, store::family::tuning_jobs, command.getDeleteTuningJob());
  case wire::Command::CANCEL_CUSTOM_JOB: {
    auto key = store::key_of(command.getCancelCustomJob());
    auto job = *wire::frame<wire::CustomJob>::parse(
        std::string_view(**store_->read(store::family::custom_jobs, key)));
    put(store::family::custom_jobs, key,
        job.with([](wire::CustomJob::Builder changed) {
             changed.setState(wire::JobState::CANCELLED);
             changed.initEndTime().setMicros(new_year_micros);
             changed.initError().setCode(1);
             changed.getError().setMessage("cancelled");
           })
            .str());
    break;
  }
  case wire::Command::CANCEL_TUNING_JOB:
    break;
  default:
    return failure(errc::unimplemented, "not in this backend");
  }
  return wire::frame<wire::Outcome>::build(
      [](wire::Outcome::Builder outcome) { outcome.setEmpty(); });
}

wire::frame<wire::Outcome> fake_backend::create(wire::Command::Reader command) {
  if (command.getCreateCustomJob().getDisplayName().size() == 0)
    return failure(errc::invalid_argument,
                   "displayName: it is empty; expected 1 to 128 characters");
  auto id = next_id_++;
  auto job = wire::frame<wire::CustomJob>::copy(command.getCreateCustomJob())
                 .with([&](wire::CustomJob::Builder made) {
                   made.setName(fmt::format("{}/customJobs/{}", parent_of(command), id));
                   made.setState(wire::JobState::QUEUED);
                   made.initCreateTime().setMicros(new_year_micros + 123456);
                   made.initUpdateTime().setMicros(new_year_micros + 123456);
                 });
  put(store::family::custom_jobs, store::key_of(id), job.str());
  return wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setCustomJob(*job); });
}

wire::frame<wire::Outcome> fake_backend::create_tuning(wire::Command::Reader command) {
  auto asked = command.getCreateTuningJob();
  if (asked.getMaxTrialCount() <= 0)
    return failure(errc::invalid_argument, "maxTrialCount: it is 0; expected at least 1");
  auto id = next_id_++;
  auto job = wire::frame<wire::HyperparameterTuningJob>::copy(asked).with(
      [&](wire::HyperparameterTuningJob::Builder made) {
        made.setName(fmt::format("{}/hyperparameterTuningJobs/{}", parent_of(command), id));
        made.setState(wire::JobState::PENDING);
        made.initCreateTime().setMicros(new_year_micros);
      });
  put(store::family::tuning_jobs, store::key_of(id), job.str());
  return wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTuningJob(*job); });
}

wire::frame<wire::Outcome> fake_backend::remove(wire::Command::Reader command, store::family family,
                                                uint64_t job) {
  auto id = next_id_++;
  auto operation = delete_operation(fmt::format("{}/operations/{}", parent_of(command), id));
  store::batch changes;
  changes.erase(family, store::key_of(job));
  changes.put(store::family::operations, store::key_of(id), operation.str());
  std::ignore = store_->commit(changes);
  return wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setOperation(*operation); });
}

void fake_backend::read_logs(std::string node, wire::frame<wire::LogQuery> query,
                             std::function<void(result<wire::frame<wire::LogChunk>>)> answer) {
  std::unique_lock lock(mutex_);
  if (silent_.contains(node)) {
    lock.unlock();
    return answer(fail(errc::unavailable, "node {} is not connected", node));
  }
  std::map<std::string, uint64_t> from;
  for (auto position : query->getPositions())
    from[wire::str(position.getReplica())] = position.getOffset();
  struct found {
    log_line line;
    uint64_t next;
  };
  std::vector<found> entries_found;
  std::map<std::string, uint64_t> offsets;
  for (const log_line& line : lines_[{node, query->getJobId()}]) {
    auto start = offsets[line.replica];
    auto next = offsets[line.replica] += line.text.size() + 1;
    if (start >= from[line.replica]) entries_found.push_back({line, next});
  }
  lock.unlock();
  std::ranges::stable_sort(entries_found, {}, [](const found& each) { return each.line.nanos; });
  if (entries_found.size() > query->getEntriesMax()) entries_found.resize(query->getEntriesMax());
  answer(wire::frame<wire::LogChunk>::build([&](wire::LogChunk::Builder chunk) {
    auto entries = chunk.initEntries(unsigned(entries_found.size()));
    for (unsigned index = 0; index < entries_found.size(); ++index) {
      const auto& [line, next] = entries_found[index];
      entries[index].setReplica(line.replica);
      auto slash = line.replica.find('/');
      entries[index].setTask(line.replica.substr(slash + 1, line.replica.rfind('/') - slash - 1));
      entries[index].setTimestampNanos(line.nanos);
      entries[index].setStderr(line.through_stderr);
      entries[index].setLine(line.text);
      entries[index].setNextOffset(next);
    }
  }));
}

std::vector<wire::frame<wire::Command>> fake_backend::commands() const {
  std::lock_guard lock(mutex_);
  return commands_;
}

void fake_backend::fail_next(error problem) {
  std::lock_guard lock(mutex_);
  next_error_ = std::move(problem);
}

void fake_backend::answer_next(wire::frame<wire::Outcome> outcome) {
  std::lock_guard lock(mutex_);
  next_answer_ = std::move(outcome);
}

void fake_backend::hold_answers() {
  std::lock_guard lock(mutex_);
  holding_ = true;
}

void fake_backend::silence(const std::string& node, bool silent) {
  std::lock_guard lock(mutex_);
  if (silent)
    silent_.insert(node);
  else
    silent_.erase(node);
}

void fake_backend::add_line(const std::string& node, uint64_t job, log_line line) {
  std::lock_guard lock(mutex_);
  lines_[{node, job}].push_back(std::move(line));
}

uint64_t fake_backend::add_job(const std::string& display_name, wire::JobState state,
                               const std::string& project, const std::string& location,
                               const std::map<std::string, std::string>& labels) {
  std::lock_guard lock(mutex_);
  auto id = next_id_++;
  auto job = wire::frame<wire::CustomJob>::build([&](wire::CustomJob::Builder made) {
    made.setName(fmt::format("projects/{}/locations/{}/customJobs/{}", project, location, id));
    made.setDisplayName(display_name);
    made.setState(state);
    made.initCreateTime().setMicros(new_year_micros + int64_t(id % 1000) * 1'000'000);
    auto entries = made.initLabels().initEntries(unsigned(labels.size()));
    unsigned index = 0;
    for (const auto& [key, value] : labels) {
      entries[index].setKey(key);
      entries[index++].setValue(value);
    }
  });
  put(store::family::custom_jobs, store::key_of(id), job.str());
  return id;
}

void fake_backend::change_job(uint64_t id,
                              const std::function<void(wire::CustomJob::Builder)>& change) {
  auto key = store::key_of(id);
  auto value = store_->read(store::family::custom_jobs, key);
  auto job = *wire::frame<wire::CustomJob>::parse(std::string_view(**value));
  put(store::family::custom_jobs, key, job.with(change).str());
}

void fake_backend::change_tuning_job(
    uint64_t id, const std::function<void(wire::HyperparameterTuningJob::Builder)>& change) {
  auto key = store::key_of(id);
  auto value = store_->read(store::family::tuning_jobs, key);
  auto job = *wire::frame<wire::HyperparameterTuningJob>::parse(std::string_view(**value));
  put(store::family::tuning_jobs, key, job.with(change).str());
}

void fake_backend::set_attempt(uint64_t id,
                               const std::function<void(wire::AttemptRecord::Builder)>& fill) {
  put(store::family::attempts, store::key_of(id),
      wire::frame<wire::AttemptRecord>::build(fill).str());
}

void fake_backend::set_node(const std::string& name,
                            const std::function<void(wire::NodeRecord::Builder)>& fill) {
  put(store::family::nodes, name, wire::frame<wire::NodeRecord>::build(fill).str());
}

void fake_backend::add_service_log(uint64_t job, uint32_t number, int64_t micros,
                                   const std::string& message) {
  auto log = wire::frame<wire::ServiceLog>::build([&](wire::ServiceLog::Builder entry) {
    entry.setAtMicros(micros);
    entry.setSeverity("INFO");
    entry.setMessage(message);
  });
  put(store::family::service_logs, fmt::format("{}/{:010}", store::key_of(job), number), log.str());
}

uint64_t fake_backend::add_tuning_job(
    const std::function<void(wire::HyperparameterTuningJob::Builder)>& fill) {
  std::lock_guard lock(mutex_);
  auto id = next_id_++;
  auto job = wire::frame<wire::HyperparameterTuningJob>::build([&](auto made) {
    made.setName(fmt::format("projects/p/locations/l/hyperparameterTuningJobs/{}", id));
    made.initCreateTime().setMicros(new_year_micros);
    fill(made);
  });
  put(store::family::tuning_jobs, store::key_of(id), job.str());
  return id;
}

uint64_t fake_backend::add_study(const std::string& display_name,
                                 const std::function<void(wire::Study::Builder)>& fill,
                                 const std::string& project, const std::string& location) {
  std::lock_guard lock(mutex_);
  auto id = next_id_++;
  auto study = wire::frame<wire::Study>::build([&](wire::Study::Builder made) {
    made.setName(fmt::format("projects/{}/locations/{}/studies/{}", project, location, id));
    made.setDisplayName(display_name);
    made.setState(wire::Study::State::ACTIVE);
    made.initCreateTime().setMicros(new_year_micros);
    if (fill) fill(made);
  });
  put(store::family::studies, store::key_of(id), study.str());
  return id;
}

void fake_backend::set_trial(uint64_t study, uint32_t number,
                             const std::function<void(wire::Trial::Builder)>& fill) {
  auto trial = wire::frame<wire::Trial>::build([&](wire::Trial::Builder made) {
    made.setName(fmt::format("projects/p/locations/l/studies/{}/trials/{}", study, number));
    made.setId(std::to_string(number));
    fill(made);
  });
  put(store::family::trials, fmt::format("{}/{:010}", store::key_of(study), number), trial.str());
}

void fake_backend::set_operation(uint64_t id, bool done, const std::string& below) {
  auto name = fmt::format("projects/p/locations/l/{}operations/{}", below, id);
  auto operation = wire::frame<wire::Operation>::build([&](wire::Operation::Builder made) {
    made.setName(name);
    made.setDone(done);
    set_type(made.initMetadata(), "google.cloud.aiplatform.v1.SuggestTrialsMetadata");
    if (done) set_type(made.initResponse(), "google.cloud.aiplatform.v1.SuggestTrialsResponse");
  });
  put(store::family::operations, store::key_of(id), operation.str());
}

uint64_t fake_backend::add_operation(const std::string& project, const std::string& location) {
  std::lock_guard lock(mutex_);
  auto id = next_id_++;
  auto name = fmt::format("projects/{}/locations/{}/operations/{}", project, location, id);
  put(store::family::operations, store::key_of(id), delete_operation(name).str());
  return id;
}

namespace {

std::vector<uint64_t> ids_in(const store::database& database, store::family family) {
  std::vector<uint64_t> ids;
  std::ignore = database.scan(family, "", false, [&](std::string_view key, std::string_view) {
    ids.push_back(std::stoull(std::string(key)));
    return true;
  });
  return ids;
}

} // namespace

std::vector<uint64_t> fake_backend::job_ids() const {
  return ids_in(*store_, store::family::custom_jobs);
}

std::vector<uint64_t> fake_backend::tuning_job_ids() const {
  return ids_in(*store_, store::family::tuning_jobs);
}

void fake_backend::put(store::family family, const std::string& key, std::string value) {
  store::batch changes;
  changes.put(family, key, std::move(value));
  std::ignore = store_->commit(changes);
}

} // namespace troupe::api::test
