#include "cli/commands.hpp"
#include "reduction/reducer.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/signalfd.h>
#include <unistd.h>

namespace troupe::cli {

namespace {

/// SIGTERM and SIGINT as a file descriptor, so that the reducer ends in order and tells its ranks
/// why.
class stop_signals {
public:
  stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~stop_signals() {
    if (fd_ >= 0) ::close(fd_);
  }
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  int fd() const { return fd_; }

private:
  int fd_ = -1;
};

int serve(const invocation& run) {
  auto options = reduction::reducer_options_from_env();
  if (!options) return run.misused(options.error(), "troupe reducer");
  stop_signals stop;
  if (stop.fd() < 0)
    return run.failed(
        {errc::internal, fmt::format("cannot listen for signals: {}", std::strerror(errno))});
  auto ended = reduction::run_reducer(*options, stop.fd());
  if (ended) return exit_ok;
  // Told to stop is what an agent does when the primary is done: no failure.
  if (ended.error().code == errc::cancelled) return exit_ok;
  return run.failed(ended.error());
}

} // namespace

void add_reducer(CLI::App& app, invocation& run) {
  auto* reducer =
      app.add_subcommand("reducer", "Serve as one reduction server of a job (agents start it)");
  reducer->group(serve_group);
  reducer->footer("Settings come from the environment: TROUPE_LISTEN (host:port), TROUPE_JOB, "
                  "TROUPE_TOKEN, TROUPE_WORLD_SIZE,\n"
                  "and where wanted TROUPE_ATTEMPT, TROUPE_TIMEOUT_MS, TROUPE_CONNECT_TIMEOUT_MS, "
                  "TROUPE_CHUNK_BYTES, TROUPE_SLOTS.\n");
  reducer->callback([&run] { run.action = [&run] { return serve(run); }; });
}

} // namespace troupe::cli
