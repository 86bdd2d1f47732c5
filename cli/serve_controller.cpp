// `troupe controller`: the controller of a cluster of several machines; agents dial in.
#include "cli/commands.hpp"
#include "cli/hosting.hpp"
#include "cli/serve.hpp"

#include <fmt/format.h>

#include <memory>

namespace troupe::cli {

namespace {

struct controller_flags {
  std::string config;
  bool verbose = false;
  bool check_config = false;
};

int serve(const controller_flags& flags, invocation& invoked) {
  stop_signals signals;
  set_up_logging(flags.verbose);
  auto config = actors::read_controller_config(flags.config);
  if (!config) return invoked.misused(config.error(), "controller");
  if (flags.check_config) {
    fmt::print("{}: fine\n", flags.config);
    return exit_ok;
  }
  actor_settings actor_options;
  caf::actor_system system{actor_options};
  auto controller = controller_host::start(system, options_of(*config));
  if (!controller) return invoked.failed(controller.error());
  signals.wait();
  // Replicas belong to the agents and run on; the next controller finds them again.
  controller->reset();
  return exit_ok;
}

} // namespace

void add_controller(CLI::App& app, invocation& invoked) {
  auto flags = std::make_shared<controller_flags>();
  auto* command =
      app.add_subcommand("controller", "Run the controller of a cluster; agents dial in");
  command->group(serve_group);
  command->add_option("--config", flags->config, "YAML configuration (configs/controller.yaml)")
      ->required();
  command->add_flag("--verbose", flags->verbose, "Log more");
  command->add_flag("--check-config", flags->check_config,
                    "Read the configuration, say what is wrong with it, and end");
  command->callback(
      [flags, &invoked] { invoked.action = [flags, &invoked] { return serve(*flags, invoked); }; });
}

} // namespace troupe::cli
