#include "cli/serve.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstring>
#include <sys/signalfd.h>
#include <thread>

namespace troupe::cli {

namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

} // namespace

stop_signals::stop_signals() {
  const auto set = stop_set();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that hangs up is an error value where it happens, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
}

int stop_signals::wait() {
  const auto set = stop_set();
  int received = 0;
  while (::sigwait(&set, &received) != 0) {
  }
  return received;
}

result<int> stop_signals::descriptor() {
  const auto set = stop_set();
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return fail(errc::internal, "signalfd: {}", std::strerror(errno));
  return fd;
}

actor_settings::actor_settings() {
  // CAF would read caf-application.ini from wherever the user happens to be.
  config_file_path.clear();
  set("scheduler.max-threads", size_t{std::max(4u, std::thread::hardware_concurrency())});
}

void set_up_logging(bool verbose) {
  auto logger = spdlog::stderr_color_mt("troupe");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z level=%l %v");
  logger->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

} // namespace troupe::cli
