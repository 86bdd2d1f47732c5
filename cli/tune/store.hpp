// The directory of a local study: its journal, study.json-lines, and a directory for every trial.
// The journal is only appended to, and every record is synced before the run acts on it; so after
// any end of the process, the next one continues from there.
//
// Its lines, one JSON object each: {"study"} first; {"run"} for every time the command was started;
// {"trial"} when a trial starts, is started again, and ends (a Trial as the API shows it; the last
// one of a trial counts); {"reported"} for every value that a trial reports while it runs.
#pragma once

#include "base/descriptor.hpp"
#include "base/directory_lock.hpp"
#include "base/error.hpp"
#include "core/state/jobs.hpp"
#include "wire/frame.hpp"
#include "wire/tuning_job.capnp.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::cli {

using trial_frame = wire::frame<wire::Trial>;

/// The content of the journal when it was opened.
struct stored_study {
  wire::frame<wire::StudySpec> study;
  uint64_t seed = 0;
  int64_t create_micros = 0;
  std::vector<trial_frame> trials;  // trial n at n - 1
  std::vector<std::string> command; // of the last run; empty in a new directory
};

class tune_store {
public:
  /// Makes the directory or continues the study in it. Errors: failed_precondition if another run
  /// uses the directory, or it holds a study that differs; data_loss for a damaged journal;
  /// unavailable if it cannot be written.
  static result<tune_store> open(const std::filesystem::path& directory,
                                 wire::StudySpec::Reader study, std::optional<uint64_t> seed,
                                 int64_t now_micros);

  const stored_study& stored() const { return stored_; }

  /// Errors of all three: unavailable if the disk does not take the record.
  result<> run_started(const std::vector<std::string>& command, int64_t now_micros);
  result<> put(wire::Trial::Reader trial);
  result<> put(wire::Trial::Reader trial, std::span<const wire::metric_point> reported);

  /// The directory of the trial's files, among them those that its program is to keep.
  std::filesystem::path directory_of(wire::Trial::Reader trial) const;

private:
  result<> load(const std::string& text);
  result<> take(std::string_view line, size_t number);
  result<> begin(wire::StudySpec::Reader study, std::optional<uint64_t> seed, int64_t now_micros);
  result<> check_same(wire::StudySpec::Reader study, std::optional<uint64_t> seed) const;
  result<> append(std::string lines);

  std::filesystem::path directory_;
  directory_lock lock_;
  unique_fd journal_;
  bool torn_ = false; // the journal may end with half a line
  stored_study stored_;
};

/// The differences of two JSON texts: "path: was 1, is 2", some lines at most; empty if equal.
std::string difference(const std::string& was, const std::string& is);

} // namespace troupe::cli
