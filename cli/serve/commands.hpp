// The commands that run parts of a cluster: each function adds one to the parser.
#pragma once

#include "cli/client/command_groups.hpp"
#include "cli/client/invocation.hpp"

#include <CLI/CLI.hpp>

namespace troupe::cli {

void add_up(CLI::App&, invocation&);
void add_controller(CLI::App&, invocation&);
void add_agent(CLI::App&, invocation&);
void add_ca(CLI::App&, invocation&);
void add_reducer(CLI::App&, invocation&);

} // namespace troupe::cli
