// Finds the job that a user names: by its id, its full resource name, or its display name if only
// one job has it.
#pragma once

#include "cli/client/invocation.hpp"

#include <string>
#include <string_view>

namespace troupe::cli {

struct job_kind {
  std::string_view collection; // "customJobs"
  std::string_view list_field; // of the answer to a list request
  std::string_view type;       // "CustomJob"
  std::string_view noun;       // "custom job"
  std::string_view command;    // "custom-jobs"
};

inline constexpr job_kind custom_job_kind = {"customJobs", "customJobs", "CustomJob", "custom job",
                                             "custom-jobs"};
inline constexpr job_kind tuning_job_kind = {"hyperparameterTuningJobs", "hyperparameterTuningJobs",
                                             "HyperparameterTuningJob", "hyperparameter tuning job",
                                             "hp-tuning-jobs"};

/// The last segment of a resource name.
std::string id_of(std::string_view name);

/// The URL path of the job that is called `called`. Errors: invalid_argument for the name of
/// another kind of resource; not_found; failed_precondition when several jobs have the display
/// name, with their ids.
result<std::string> find_job(http_client&, const invocation&, const job_kind&,
                             const std::string& called);

/// The shortest name of this job that the user's next command understands: the id if project and
/// location are the defaults.
std::string short_name(const invocation&, std::string_view full_name);

} // namespace troupe::cli
