// The cluster behind the API as a test scripts it: an in-memory store, outcomes of commands, log
// lines of nodes. It writes the store as the controller does, and has nothing else of the
// controller.
#pragma once

#include "api/backend/backend.hpp"
#include "wire/custom_job.capnp.h"
#include "wire/tuning_job.capnp.h"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace troupe::api::test {

struct log_line {
  std::string replica; // "1/workerpool0-0/0"
  int64_t nanos = 0;
  std::string text;
  bool through_stderr = false;
};

class fake_backend final : public backend {
public:
  fake_backend();

  void execute(wire::frame<wire::Command> command,
               std::function<void(wire::frame<wire::Outcome>)> answer) override;
  void read_logs(std::string node, wire::frame<wire::LogQuery> query,
                 std::function<void(result<wire::frame<wire::LogChunk>>)> answer) override;
  const store::database& database() const override { return *store_; }

  // The commands so far.
  std::vector<wire::frame<wire::Command>> commands() const;

  // How the next calls are answered.
  void fail_next(error problem);
  void answer_next(wire::frame<wire::Outcome> outcome);
  void hold_answers(); // no command is answered from now on
  void silence(const std::string& node, bool silent);
  void add_line(const std::string& node, uint64_t job, log_line line);

  // The store, as the controller would have written it.
  void put(store::family, const std::string& key, std::string value);
  uint64_t add_job(const std::string& display_name, wire::JobState state,
                   const std::string& project = "p", const std::string& location = "l",
                   const std::map<std::string, std::string>& labels = {});
  void change_job(uint64_t id, const std::function<void(wire::CustomJob::Builder)>& change);
  void change_tuning_job(uint64_t id,
                         const std::function<void(wire::HyperparameterTuningJob::Builder)>& change);
  void set_attempt(uint64_t id, const std::function<void(wire::AttemptRecord::Builder)>& fill);
  void set_node(const std::string& name,
                const std::function<void(wire::NodeRecord::Builder)>& fill);
  void add_service_log(uint64_t job, uint32_t number, int64_t micros, const std::string& message);
  uint64_t add_tuning_job(const std::function<void(wire::HyperparameterTuningJob::Builder)>& fill);
  uint64_t add_study(const std::string& display_name,
                     const std::function<void(wire::Study::Builder)>& fill = {},
                     const std::string& project = "p", const std::string& location = "l");
  /// Of a study, or of a tuning job.
  void set_trial(uint64_t study, uint32_t number,
                 const std::function<void(wire::Trial::Builder)>& fill);
  void set_operation(uint64_t id, bool done, const std::string& below = "");
  uint64_t add_operation(const std::string& project = "p", const std::string& location = "l");

  std::vector<uint64_t> job_ids() const;
  std::vector<uint64_t> tuning_job_ids() const;

private:
  wire::frame<wire::Outcome> outcome_of(wire::Command::Reader command);
  wire::frame<wire::Outcome> create(wire::Command::Reader command);
  wire::frame<wire::Outcome> create_tuning(wire::Command::Reader command);
  wire::frame<wire::Outcome> remove(wire::Command::Reader command, store::family, uint64_t id);

  mutable std::mutex mutex_;
  std::unique_ptr<store::database> store_;
  uint64_t next_id_ = 1000000000000000001;
  bool holding_ = false;
  std::optional<error> next_error_;
  std::optional<wire::frame<wire::Outcome>> next_answer_;
  std::vector<wire::frame<wire::Command>> commands_;
  std::vector<std::function<void(wire::frame<wire::Outcome>)>> held_;
  std::set<std::string> silent_;
  std::map<std::pair<std::string, uint64_t>, std::vector<log_line>> lines_;
};

/// 2026-01-01T00:00:00Z: the fake's clock always shows this time.
inline constexpr int64_t new_year_micros = 1767225600'000'000;

} // namespace troupe::api::test
