// Why something ended in an error, as the state keeps it and as a google.rpc.Status shows it.
#pragma once

#include "base/error.hpp"

#include <string>

namespace troupe::core {

struct failure {
  errc code = errc::unknown;
  std::string message;
};

} // namespace troupe::core
