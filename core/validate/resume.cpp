// A tuning job that goes on after its end: whether its new counts are valid.
#include "core/validate/validate.hpp"

#include <fmt/format.h>

namespace troupe::core {

std::vector<std::string> problems_of(wire::ResumeTuningJobRequest::Reader wanted,
                                     wire::HyperparameterTuningJob::Reader job,
                                     size_t trials_made) {
  std::vector<std::string> problems;
  const auto made = static_cast<int64_t>(trials_made);
  const int64_t most =
      wanted.getMaxTrialCount() != 0 ? wanted.getMaxTrialCount() : job.getMaxTrialCount();
  if (most <= made)
    problems.push_back(
        fmt::format("maxTrialCount: {}; expected more than {}, the number of trials made so far",
                    wanted.getMaxTrialCount() != 0 ? fmt::format("{}", most)
                                                   : fmt::format("not set, which leaves {}", most),
                    made));
  const int64_t parallel = wanted.getParallelTrialCount() != 0 ? wanted.getParallelTrialCount()
                                                               : job.getParallelTrialCount();
  if (parallel < 1 || parallel > most)
    problems.push_back(fmt::format(
        "parallelTrialCount: {}; expected 1 to maxTrialCount, which is {}", parallel, most));
  if (wanted.getMaxFailedTrialCount() < 0 || wanted.getMaxFailedTrialCount() > most)
    problems.push_back(
        fmt::format("maxFailedTrialCount: {}; expected 0 to maxTrialCount, which is {}",
                    wanted.getMaxFailedTrialCount(), most));
  return problems;
}

} // namespace troupe::core
