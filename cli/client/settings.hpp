// Finds the cluster that a command uses, and the token for it. `troupe up` leaves two files in its
// data directory: `endpoint` (the URL) and `token`; only their owner can read them, and every other
// command on the machine finds the cluster through them.
#pragma once

#include "base/error.hpp"
#include "cli/terminal/console.hpp"
#include "host/published_endpoint.hpp"

#include <filesystem>
#include <string>

namespace troupe::cli {

/// The options that every command takes; empty means not given.
struct global_options {
  std::string endpoint;
  std::string token_file;
  std::string data;
  std::string project = "local";
  std::string location = "local";
  std::string format = "table";

  bool json() const { return format == "json"; }
};

/// --data, else TROUPE_DATA, else ~/.troupe, as an absolute path. Errors: failed_precondition if
/// HOME is not set either.
result<std::filesystem::path> data_directory(const global_options&, const console&);

/// The URL: --endpoint, else TROUPE_ENDPOINT, else <data>/endpoint. The token: --token-file, else
/// <data>/token. Errors name the places that were searched, and what to do.
result<host::published_endpoint> find_cluster(const global_options&, const console&);

} // namespace troupe::cli
