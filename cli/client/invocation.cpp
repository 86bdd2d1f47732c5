#include "cli/client/invocation.hpp"

namespace troupe::cli {

result<std::unique_ptr<http_client>> invocation::connect(bool interruptible) const {
  auto cluster = find_cluster(options, at);
  if (!cluster) return std::unexpected(cluster.error());
  return http_client::open(
      {.url = cluster->url, .token = cluster->token, .interruptible = interruptible});
}

std::string invocation::parent() const {
  return "/v1/projects/" + percent_encoded(options.project) + "/locations/"
         + percent_encoded(options.location);
}

int invocation::failed(const error& problem) const {
  at.out << std::flush;
  at.err << "ERROR: " << problem.message;
  if (problem.code == errc::unauthenticated
      && problem.message.find("--token-file") == std::string::npos)
    at.err << " (the token in use is not this cluster's; see --token-file and --data)";
  at.err << "\n" << std::flush;
  return problem.code == errc::cancelled ? exit_interrupted : exit_failed;
}

int invocation::misused(const error& problem, const std::string& command) const {
  at.out << std::flush;
  at.err << "ERROR: " << problem.message << "\nSee: " << command << " --help\n" << std::flush;
  return exit_usage;
}

} // namespace troupe::cli
