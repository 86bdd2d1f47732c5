// Shared by the commands that run a cluster: their flags, their logging, and the settings of their
// actors.
#pragma once

#include "cli/client/invocation.hpp"
#include "cli/terminal/stop_signals.hpp"

#include <CLI/CLI.hpp>
#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <string>

namespace troupe::cli {

struct serve_flags {
  std::string config;
  bool verbose = false;
  bool check_config = false;
};

/// Adds --config (with `about` it), --verbose and --check-config, and runs `serve` when the command
/// was chosen, with the signals blocked and logging set up.
CLI::Option* add_serve_flags(CLI::App& command, invocation& invoked,
                             const std::shared_ptr<serve_flags>& flags, const std::string& about,
                             std::function<int(stop_signals&)> serve);

/// Prints the result of --check-config for a file without problems.
int config_is_valid(const serve_flags& flags, const invocation& invoked);

/// Settings for actors that never leave their process: no configuration file from the working
/// directory.
class actor_settings : public caf::actor_system_config {
public:
  actor_settings();
};

} // namespace troupe::cli
