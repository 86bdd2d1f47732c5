// `troupe agent`: one node of a cluster. Ending it leaves its replicas running: the next agent of
// the node adopts them.
#include "cli/commands.hpp"
#include "cli/hosting.hpp"
#include "cli/serve.hpp"

#include <fmt/format.h>

#include <memory>

namespace troupe::cli {

namespace {

struct agent_flags {
  std::string config;
  bool verbose = false;
  bool check_config = false;
};

int serve(const agent_flags& flags, invocation& invoked) {
  stop_signals signals;
  set_up_logging(flags.verbose);
  auto config = actors::read_agent_config(flags.config);
  if (!config) return invoked.misused(config.error(), "agent");
  if (flags.check_config) {
    fmt::print("{}: fine\n", flags.config);
    return exit_ok;
  }
  auto where = find_installation();
  if (!where) return invoked.failed(where.error());
  actor_settings actor_options;
  caf::actor_system system{actor_options};
  auto agent = agent_host::start(system, options_of(*config, *where));
  if (!agent) return invoked.failed(agent.error());
  auto joined =
      (*agent)->join(uplink_options{config->controller, config->controller_name, *config->tls});
  if (!joined) return invoked.failed(joined.error());
  signals.wait();
  agent->reset();
  return exit_ok;
}

} // namespace

void add_agent(CLI::App& app, invocation& invoked) {
  auto flags = std::make_shared<agent_flags>();
  auto* command = app.add_subcommand("agent", "Run one node of a cluster");
  command->group(serve_group);
  command->add_option("--config", flags->config, "YAML configuration (configs/agent.yaml)")
      ->required();
  command->add_flag("--verbose", flags->verbose, "Log more");
  command->add_flag("--check-config", flags->check_config,
                    "Read the configuration, say what is wrong with it, and end");
  command->callback(
      [flags, &invoked] { invoked.action = [flags, &invoked] { return serve(*flags, invoked); }; });
}

} // namespace troupe::cli
