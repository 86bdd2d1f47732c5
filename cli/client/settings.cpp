#include "cli/client/settings.hpp"

#include "base/files.hpp"

#include <cerrno>

namespace troupe::cli {

namespace {

namespace fs = std::filesystem;

/// The first line of a small file, without spaces around it.
result<std::string> line_of(const fs::path& file) {
  const auto read = first_line(file);
  if (!read) return fail(errc::not_found, "{}", read.error().message);
  std::string line = *read;
  auto first = line.find_first_not_of(" \t\r");
  auto last = line.find_last_not_of(" \t\r");
  if (first == std::string::npos)
    return fail(errc::not_found, "{}: the file is empty", file.string());
  line = line.substr(first, last - first + 1);
  // The line goes into an HTTP header: with other than plain visible characters somebody could add
  // another header.
  for (unsigned char c : line)
    if (c <= 0x20 || c >= 0x7F)
      return fail(errc::invalid_argument,
                  "{}: the first line holds a character that can be in neither a URL nor a token",
                  file.string());
  return line;
}

} // namespace

result<fs::path> data_directory(const global_options& options, const console& at) {
  // Absolute: replicas get paths below it, and run in other working directories.
  const auto whole = [](const fs::path& path) { return fs::absolute(path).lexically_normal(); };
  if (!options.data.empty()) return whole(options.data);
  if (auto named = at.variable("TROUPE_DATA"); !named.empty()) return whole(named);
  if (auto home = at.variable("HOME"); !home.empty()) return whole(fs::path(home) / ".troupe");
  return fail(errc::failed_precondition,
              "no data directory: neither --data, nor TROUPE_DATA, nor HOME is set");
}

result<host::published_endpoint> find_cluster(const global_options& options, const console& at) {
  host::published_endpoint found;
  auto data = data_directory(options, at);
  found.url = !options.endpoint.empty() ? options.endpoint : at.variable("TROUPE_ENDPOINT");
  if (found.url.empty()) {
    if (!data) return std::unexpected(data.error());
    auto line = line_of(*data / host::endpoint_file);
    if (!line)
      return fail(errc::failed_precondition,
                  "no cluster is known here: neither --endpoint nor TROUPE_ENDPOINT is set, and "
                  "{}. Start one with: troupe up",
                  line.error().message);
    found.url = *line;
  }
  if (options.token_file.empty() && !data) return std::unexpected(data.error());
  auto file = options.token_file.empty() ? *data / host::token_file : fs::path(options.token_file);
  auto token = line_of(file);
  if (!token)
    return fail(errc::unauthenticated,
                "no token for {}: {}. Name a file that holds it with --token-file, or the "
                "cluster's data directory with --data or TROUPE_DATA; or start a "
                "cluster with: troupe up",
                found.url, token.error().message);
  found.token = *token;
  return found;
}

} // namespace troupe::cli
