// Commands quoted for a shell, so that people can copy what they read.
#pragma once

#include <string>
#include <vector>

namespace troupe::cli {

/// The words with a space between them, each quoted where a shell would change it.
std::string shell_line(const std::vector<std::string>& words);

} // namespace troupe::cli
