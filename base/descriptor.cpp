#include "base/descriptor.hpp"

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace troupe {

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

std::string last_problem() { return std::generic_category().message(errno); }

} // namespace troupe
