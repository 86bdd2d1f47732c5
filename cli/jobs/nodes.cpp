// `troupe nodes list`.
#include "cli/jobs/commands.hpp"
#include "cli/jobs/views.hpp"

namespace troupe::cli {

namespace {

int list_nodes(const invocation& run) {
  auto client = run.connect();
  if (!client) return run.failed(client.error());
  auto answer = (*client)->get(run.parent() + "/nodes");
  if (!answer) return run.failed(answer.error());
  auto nodes = (*answer)["nodes"].items();
  if (run.options.json()) {
    run.at.out << ((*answer)["nodes"] ? (*answer)["nodes"].pretty() : "[]") << "\n" << std::flush;
    return exit_ok;
  }
  if (nodes.empty()) {
    run.at.err << "No nodes. A machine joins with: troupe agent\n";
    return exit_ok;
  }
  auto now = std::chrono::time_point_cast<micros>(std::chrono::system_clock::now());
  for (auto& line : node_list(run.at, nodes, now))
    run.at.out << line << "\n";
  run.at.out << std::flush;
  return exit_ok;
}

} // namespace

void add_nodes(CLI::App& app, invocation& run) {
  auto* group = app.add_subcommand("nodes", "The machines of the cluster: list");
  group->group(cluster_group);
  auto* lister = group->add_subcommand("list", "List the nodes, what they have and what is in use");
  lister->callback([&run] { run.action = [&run] { return list_nodes(run); }; });
}

} // namespace troupe::cli
