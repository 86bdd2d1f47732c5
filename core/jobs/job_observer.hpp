// What custom jobs report to those above them that run something as a custom job (studies run their
// trials so). Custom jobs know nothing else of them.
#pragma once

#include "core/state/jobs.hpp"

#include <string>

namespace troupe::core {

class job_observer {
public:
  virtual ~job_observer() = default;
  virtual void running(custom_job&) = 0;
  virtual void ended(custom_job&) = 0;
  /// The message of the error with which a cancelled job ends.
  virtual std::string cancellation_text(const custom_job&) = 0;
};

} // namespace troupe::core
