// `troupe bench`: adds its commands to the parser.
#pragma once

#include "cli/client/command_groups.hpp"
#include "cli/client/invocation.hpp"

#include <CLI/CLI.hpp>

namespace troupe::cli {

void add_bench(CLI::App&, invocation&);

} // namespace troupe::cli
