// `troupe ca`: the cluster's own certificate authority, for the links between controller and
// agents.
#include "base/private_file.hpp"
#include "cli/serve/commands.hpp"
#include "link/authority.hpp"

#include <fmt/format.h>

#include <memory>
#include <vector>

namespace troupe::cli {

namespace {

struct ca_flags {
  std::string directory = "troupe-ca";
  std::string name;
  std::vector<std::string> hosts;
  std::string role = "both";
  std::string output;
  int days = 0;
  bool replace = false;
};

int init(const ca_flags& flags, invocation& invoked) {
  if (auto made = make_private_directory(flags.directory); !made)
    return invoked.failed(made.error());
  if (auto made = link::create_authority(flags.directory, flags.days ? flags.days : 3650); !made)
    return invoked.failed(made.error());
  fmt::print("Made the authority in {0}. Keep {0}/authority-key.pem here and safe: anyone who has "
             "it can join the cluster.\n"
             "Next: troupe ca issue --dir {0} controller --host <its address>, and troupe ca issue "
             "--dir {0} <node> for each node.\n",
             flags.directory);
  return 0;
}

int issue(const ca_flags& flags, invocation& invoked) {
  link::issue_options options;
  options.may_be = {flags.role != "client", flags.role != "server"};
  options.replace = flags.replace;
  options.output = flags.output;
  if (flags.days) options.days = flags.days;
  if (auto made = link::issue(flags.directory, flags.name, flags.hosts, options); !made)
    return invoked.failed(made.error());
  const auto output = flags.output.empty() ? flags.directory : flags.output;
  fmt::print("Made {0}/{1}.pem and {0}/{1}-key.pem. Copy both, and {2}/authority.pem, to {1}.\n",
             output, flags.name, flags.directory);
  return 0;
}

} // namespace

void add_ca(CLI::App& app, invocation& invoked) {
  auto* ca = app.add_subcommand("ca", "Make the certificates of the controller and the agents");
  ca->group(serve_group);
  ca->require_subcommand(1);
  auto flags = std::make_shared<ca_flags>();
  auto* init_command = ca->add_subcommand("init", "Make a new authority");
  init_command->add_option("--dir", flags->directory, "Where its files go")->capture_default_str();
  init_command->add_option("--days", flags->days, "How long it is valid (default 3650)")
      ->check(CLI::Range(1, 36500));
  init_command->callback(
      [flags, &invoked] { invoked.action = [flags, &invoked] { return init(*flags, invoked); }; });

  auto* issue_command =
      ca->add_subcommand("issue", "Make a certificate for the controller or for a node");
  issue_command
      ->add_option("name", flags->name,
                   "Name of the node, as in its agent's configuration; or of the controller")
      ->required();
  issue_command->add_option("--dir", flags->directory, "Where the authority is")
      ->capture_default_str();
  issue_command->add_option("--host", flags->hosts,
                            "A DNS name or address of the machine; may be repeated");
  issue_command->add_option("--role", flags->role, "Roles that the certificate allows")
      ->check(CLI::IsMember({"server", "client", "both"}))
      ->capture_default_str();
  issue_command->add_option("--out", flags->output,
                            "Where the files go (default: the authority's directory)");
  issue_command->add_option("--days", flags->days, "How long it is valid (default 365)")
      ->check(CLI::Range(1, 36500));
  issue_command->add_flag("--replace", flags->replace, "Renew: replace a certificate of that name");
  issue_command->callback(
      [flags, &invoked] { invoked.action = [flags, &invoked] { return issue(*flags, invoked); }; });
}

} // namespace troupe::cli
