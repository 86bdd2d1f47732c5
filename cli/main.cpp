// The entry point of the command `troupe`.
#include "cli/bench/commands.hpp"
#include "cli/program.hpp"
#include "cli/serve/commands.hpp"
#include "cli/tune/commands.hpp"

#include <csignal>

int main(int argc, char** argv) {
  // If the reader ends first (`troupe ... list | head`), a write fails instead of a signal ending
  // this process.
  std::signal(SIGPIPE, SIG_IGN);
  auto console = troupe::cli::process_console();
  using namespace troupe::cli;
  return run_program({argv + 1, argv + argc}, console,
                     {add_up, add_controller, add_agent, add_ca, add_tune, add_bench});
}
