// The settings of `troupe tune`, from flags and a study file, which is either the file of a tuning
// job (studySpec and counts) or a StudySpec alone. All mistakes in the file are reported together,
// each with its line.
#pragma once

#include "base/error.hpp"
#include "cli/terminal/output_files.hpp"
#include "wire/frame.hpp"
#include "wire/tuning_job.capnp.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <re2/re2.h>
#include <string>

namespace troupe::cli {

struct tune_flags {
  std::string config; // a file; "-" for standard input
  std::optional<int32_t> max_trial_count;
  std::optional<int32_t> parallel_trial_count;
  std::optional<int32_t> max_failed_trial_count;
  std::string timeout;   // of one trial
  std::string directory; // empty: the config's name with ".tune", here
  std::optional<uint64_t> seed;
  std::string metric_from_output; // a regular expression with one group
  output_files files;
};

struct tune_settings {
  wire::frame<wire::HyperparameterTuningJob> job; // displayName, studySpec and counts
  std::filesystem::path directory;                // absolute
  std::optional<uint64_t> seed;
  int64_t timeout_micros = 0;                         // of one trial; 0: none
  std::shared_ptr<const re2::RE2> metric_from_output; // may be none
};

/// Errors: invalid_argument for a value that is not valid; not_found for a missing file.
result<tune_settings> tune_settings_of(const tune_flags& flags);

/// The study file's text as a job with studySpec and counts. `file` is for messages.
result<wire::frame<wire::HyperparameterTuningJob>> tuned_job_of(const std::string& text,
                                                                const std::string& file);

} // namespace troupe::cli
