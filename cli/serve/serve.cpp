#include "cli/serve/serve.hpp"

#include "cli/serve/commands.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

namespace troupe::cli {

namespace {

/// Log lines go to stderr as key=value, one line an event.
void set_up_logging(bool verbose) {
  auto logger = spdlog::stderr_color_mt("troupe");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z level=%l %v");
  logger->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

} // namespace

CLI::Option* add_serve_flags(CLI::App& command, invocation& invoked,
                             const std::shared_ptr<serve_flags>& flags, const std::string& about,
                             std::function<int(stop_signals&)> serve) {
  command.group(serve_group);
  auto* config = command.add_option("--config", flags->config, about);
  command.add_flag("--verbose", flags->verbose, "Log more");
  command.add_flag("--check-config", flags->check_config,
                   "Read the configuration, report every problem in it, and exit");
  command.callback([flags, &invoked, serve = std::move(serve)] {
    invoked.action = [flags, serve] {
      stop_signals signals;
      set_up_logging(flags->verbose);
      return serve(signals);
    };
  });
  return config;
}

int config_is_valid(const serve_flags& flags, const invocation& invoked) {
  invoked.at.out << flags.config << ": OK\n" << std::flush;
  return exit_ok;
}

actor_settings::actor_settings() {
  // Otherwise CAF would read caf-application.ini from the working directory.
  config_file_path.clear();
  set("scheduler.max-threads", size_t{std::max(4u, std::thread::hardware_concurrency())});
}

} // namespace troupe::cli
