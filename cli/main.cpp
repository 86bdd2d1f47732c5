// The entry point of the command `troupe`.
#include "cli/bench/commands.hpp"
#include "cli/program.hpp"
#include "cli/serve/commands.hpp"
#include "cli/tune/commands.hpp"

#include <csignal>

int main(int argc, char** argv) {
  // A reader that went away (`troupe ... list | head`) is an error of a write, not the end of the
  // process in its middle.
  std::signal(SIGPIPE, SIG_IGN);
  auto console = troupe::cli::process_console();
  using namespace troupe::cli;
  return run_program({argv + 1, argv + argc}, console,
                     {add_up, add_controller, add_agent, add_ca, add_tune, add_bench});
}
