// The program of a replica: its worker pool's image rule, command and arguments, as the steps of
// a shim's order.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/shim/order.hpp"

#include <expected>
#include <string>
#include <vector>

namespace troupe::runtime {

/// A replica that cannot be started, and whether trying again could help.
struct launch_failure {
  std::string message;
  bool permanent = false;
};

struct program {
  std::vector<std::vector<std::string>> steps;
  bool has_packages = false; // the steps install Python packages to replica_paths::packages
};

/// `host`, or an image that the settings map to it.
bool runs_on_host(std::string_view image_uri, const node_settings& settings);

/// The steps, with $(NAME) not yet expanded in the last. Errors: what this version or this node
/// cannot run.
std::expected<program, launch_failure> program_of(wire::Launch::Reader launch,
                                                  const replica_key& replica,
                                                  const node_settings& settings,
                                                  const std::filesystem::path& packages);

} // namespace troupe::runtime
