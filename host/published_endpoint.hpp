// How commands on the same machine find a running controller: two files in its data directory,
// `endpoint` (the URL) and `token`, both readable by their owner alone. The controller writes them;
// cli/client/settings.hpp reads them.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>

namespace troupe::host {

inline constexpr const char* endpoint_file = "endpoint";
inline constexpr const char* token_file = "token";

/// Where the API is, and the bearer token that it asks for.
struct published_endpoint {
  std::string url;
  std::string token;
};

/// Writes <data>/token and <data>/endpoint, both with mode 0600. Makes the directory, with mode
/// 0700, if it is missing.
result<> publish(const std::filesystem::path& data, const published_endpoint&);

} // namespace troupe::host
