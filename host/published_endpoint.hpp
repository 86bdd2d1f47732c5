// The files through which commands on the same machine find a running controller: `endpoint` (the
// URL) and `token` in its data directory. Only their owner can read them. The controller writes
// them; cli/client/settings.hpp reads them.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>

namespace troupe::host {

inline constexpr const char* endpoint_file = "endpoint";
inline constexpr const char* token_file = "token";

/// The URL of the API, and the bearer token that it requires.
struct published_endpoint {
  std::string url;
  std::string token;
};

/// Writes <data>/token and <data>/endpoint, both with mode 0600. Makes the directory, with mode
/// 0700, if it is missing.
result<> publish(const std::filesystem::path& data, const published_endpoint&);

} // namespace troupe::host
