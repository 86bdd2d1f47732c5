// `troupe controller`: the controller of a cluster of several machines; agents dial in.
#include "cli/serve/commands.hpp"
#include "cli/serve/serve.hpp"
#include "host/hosting.hpp"

namespace troupe::cli {

namespace {

int serve(const serve_flags& flags, const invocation& invoked, stop_signals& signals) {
  auto config = host::read_controller_config(flags.config);
  if (!config) return invoked.misused(config.error(), "troupe controller");
  if (flags.check_config) return config_is_valid(flags, invoked);
  actor_settings settings;
  caf::actor_system system{settings};
  auto controller = host::controller_host::start(system, host::options_of(*config));
  if (!controller) return invoked.failed(controller.error());
  signals.wait();
  // Replicas belong to the agents and run on; the next controller finds them again.
  controller->reset();
  return exit_ok;
}

} // namespace

void add_controller(CLI::App& app, invocation& invoked) {
  auto flags = std::make_shared<serve_flags>();
  auto* command =
      app.add_subcommand("controller", "Run the controller of a cluster; agents dial in");
  add_serve_flags(
      *command, invoked, flags, "YAML configuration (configs/controller.yaml)",
      [flags, &invoked](stop_signals& signals) { return serve(*flags, invoked, signals); })
      ->required();
}

} // namespace troupe::cli
