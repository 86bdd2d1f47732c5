// The `troupe` command as a function of its arguments and a console: what main() calls, and what
// tests call.
#pragma once

#include "cli/client/invocation.hpp"
#include "cli/terminal/console.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace troupe::cli {

/// `arguments` without the program's name. Returns the exit code: 0 for success, 1 for failure, 2
/// for wrong usage, 130 after Ctrl-C.
///
/// `servers` adds the commands that run a cluster: they link all of Troupe, which a client does
/// not need.
using registrar = void (*)(CLI::App&, invocation&);
int run_program(std::vector<std::string> arguments, console& at,
                const std::vector<registrar>& servers = {});

} // namespace troupe::cli
