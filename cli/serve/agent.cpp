// `troupe agent`: one node of a cluster. Ending it leaves its replicas running: the next agent of
// the node adopts them.
#include "cli/serve/commands.hpp"
#include "cli/serve/serve.hpp"
#include "host/hosting.hpp"

namespace troupe::cli {

namespace {

int serve(const serve_flags& flags, const invocation& invoked, stop_signals& signals) {
  auto config = host::read_agent_config(flags.config);
  if (!config) return invoked.misused(config.error(), "troupe agent");
  if (flags.check_config) return config_is_valid(flags, invoked);
  auto installed = host::find_installation();
  if (!installed) return invoked.failed(installed.error());
  actor_settings settings;
  caf::actor_system system{settings};
  auto agent = host::agent_host::start(system, host::options_of(*config, *installed));
  if (!agent) return invoked.failed(agent.error());
  auto joined = (*agent)->join(
      host::controller_link_options{config->controller, config->controller_name, *config->tls});
  if (!joined) return invoked.failed(joined.error());
  signals.wait();
  agent->reset();
  return exit_ok;
}

} // namespace

void add_agent(CLI::App& app, invocation& invoked) {
  auto flags = std::make_shared<serve_flags>();
  auto* command = app.add_subcommand("agent", "Run one node of a cluster");
  add_serve_flags(
      *command, invoked, flags, "YAML configuration (configs/agent.yaml)",
      [flags, &invoked](stop_signals& signals) { return serve(*flags, invoked, signals); })
      ->required();
}

} // namespace troupe::cli
