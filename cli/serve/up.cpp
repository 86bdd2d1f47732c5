// `troupe up`: a whole cluster in one process, on loopback only: for one machine, for first steps,
// for demonstrations.
#include "cli/serve/commands.hpp"
#include "cli/serve/serve.hpp"
#include "host/hosting.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace troupe::cli {

namespace {

struct up_flags : serve_flags {
  std::string listen;
  unsigned nodes = 1;
  double cpus = 0;
};

/// The machine's cores and memory; several nodes on it get equal shares.
void share_out(host::agent_options& options, unsigned nodes, double cpus) {
  if (cpus > 0) options.cpu_millis = static_cast<uint64_t>(cpus * 1000);
  if (nodes < 2) return;
  const auto machine = host::machine_resources();
  options.cpu_millis = options.cpu_millis.value_or(machine.cpu_millis) / nodes;
  options.memory_bytes = options.memory_bytes.value_or(machine.memory_bytes) / nodes;
}

/// Several nodes on one machine divide the ports between them.
void divide_ports(host::agent_options& options, unsigned node, unsigned nodes) {
  const auto share = static_cast<uint16_t>((options.port_last - options.port_first + 1) / nodes);
  options.port_first = static_cast<uint16_t>(options.port_first + node * share);
  options.port_last = static_cast<uint16_t>(options.port_first + share - 1);
}

result<std::vector<std::unique_ptr<host::agent_host>>>
start_agents(caf::actor_system& system, const host::agent_options& pattern,
             const std::filesystem::path& directory, const up_flags& flags,
             const host::controller_host& controller) {
  std::vector<std::unique_ptr<host::agent_host>> agents;
  for (unsigned node = 0; node < flags.nodes; ++node) {
    auto options = pattern;
    if (flags.nodes > 1) options.name = fmt::format("{}-{}", pattern.name, node);
    options.runtime.directory = directory / options.name;
    share_out(options, flags.nodes, flags.cpus);
    divide_ports(options, node, flags.nodes);
    auto agent = host::agent_host::start(system, std::move(options));
    if (!agent) return std::unexpected(agent.error());
    if (auto joined = (*agent)->join(controller.controller()); !joined)
      return std::unexpected(joined.error());
    agents.push_back(std::move(*agent));
  }
  return agents;
}

/// A cluster in one process has neither TLS nor roles, so it must serve this machine alone.
result<> check_loopback(const std::string& listen) {
  const auto host = listen.substr(0, listen.rfind(':'));
  if (host == "localhost" || host == "[::1]" || host.starts_with("127.")) return {};
  return fail(
      errc::invalid_argument,
      "--listen (or controller.api.listen): {}: `troupe up` serves this machine alone; expected an "
      "address of the loopback interface, as 127.0.0.1:8080; for other machines run `troupe "
      "controller`",
      listen);
}

/// The directory of the cluster: the command line wins over the file, and the file over the
/// environment.
result<std::filesystem::path> data_of(const invocation& invoked,
                                      const host::controller_config& config) {
  if (invoked.options.data.empty() && !config.data_directory.empty()) return config.data_directory;
  return data_directory(invoked.options, invoked.at);
}

int serve(const up_flags& flags, const invocation& invoked, stop_signals& signals) {
  // Without a file the parser reads an empty text: then all defaults are its own.
  auto config = flags.config.empty() ? host::parse_cluster_config("{}", "defaults")
                                     : host::read_cluster_config(flags.config);
  if (!config) return invoked.misused(config.error(), "troupe up");
  auto controller_settings = host::options_of(config->controller);
  if (!flags.listen.empty()) controller_settings.api_listen = flags.listen;
  if (auto local = check_loopback(controller_settings.api_listen); !local)
    return invoked.misused(local.error(), "troupe up");
  if (flags.check_config) return config_is_valid(flags, invoked);
  auto data = data_of(invoked, config->controller);
  if (!data) return invoked.failed(data.error());
  controller_settings.data_directory = *data;
  auto installed = host::find_installation();
  if (!installed) return invoked.failed(installed.error());
  auto agent_settings = host::options_of(config->agent, *installed);
  const auto agents_directory =
      config->agent.data_directory.empty() ? *data / "agents" : config->agent.data_directory;

  actor_settings actor_options;
  caf::actor_system system{actor_options};
  auto controller = host::controller_host::start(system, std::move(controller_settings));
  if (!controller) return invoked.failed(controller.error());
  auto agents = start_agents(system, agent_settings, agents_directory, flags, **controller);
  if (!agents) return invoked.failed(agents.error());

  fmt::print("Troupe is up.\n  API       {}\n  token     {}\n  data      {}\n  nodes     {}\n\n"
             "In another terminal:  troupe nodes list    or    troupe custom-jobs create --help\n"
             "Ctrl-C stops the cluster and every job it runs; jobs go on with the next `troupe up` "
             "on this data.\n",
             (*controller)->endpoint(), (*controller)->token_file().string(), data->string(),
             flags.nodes);
  std::fflush(stdout);

  signals.wait();
  fmt::print("Stopping: no new work; replicas get a moment to end.\n");
  std::fflush(stdout);
  bool clean = true;
  for (auto& agent : *agents)
    clean = agent->stop_replicas() && clean;
  agents->clear();
  controller->reset();
  if (!clean)
    return invoked.failed({errc::deadline_exceeded,
                           "some replicas did not end in time; the next `troupe up` ends them"});
  fmt::print("Stopped.\n");
  return exit_ok;
}

} // namespace

void add_up(CLI::App& app, invocation& invoked) {
  auto flags = std::make_shared<up_flags>();
  auto* command = app.add_subcommand("up", "Run a whole cluster on this machine, loopback only");
  command->add_option("--listen", flags->listen, "host:port of the API; port 0 takes a free one");
  command->add_option("--nodes", flags->nodes, "Number of nodes to run")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  command
      ->add_option("--cpus", flags->cpus, "Cores to offer in all (default: those of the machine)")
      ->check(CLI::PositiveNumber);
  add_serve_flags(
      *command, invoked, flags,
      "YAML with sections `controller` and `agent` (configs/embedded.yaml)",
      [flags, &invoked](stop_signals& signals) { return serve(*flags, invoked, signals); });
}

} // namespace troupe::cli
