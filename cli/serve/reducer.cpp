// `troupe reducer`: one reduction server, set up by its environment.
#include "reduction/reducer/reducer.hpp"

#include "cli/serve/commands.hpp"
#include "cli/terminal/stop_signals.hpp"

namespace troupe::cli {

namespace {

int serve(const invocation& run) {
  auto options = reduction::reducer_options_from_env();
  if (!options) return run.misused(options.error(), "troupe reducer");
  // A signal ends it in order: its ranks receive the reason.
  stop_signals signals;
  auto stop = signals.descriptor();
  if (!stop) return run.failed(stop.error());
  auto ended = reduction::run_reducer(*options, *stop);
  if (ended) return exit_ok;
  // `cancelled`: the agent stopped it after the primary ended. `unavailable`: a rank was lost,
  // which is that rank's failure. Both are a success of this process.
  if (ended.error().code == errc::cancelled || ended.error().code == errc::unavailable)
    return exit_ok;
  return run.failed(ended.error());
}

} // namespace

void add_reducer(CLI::App& app, invocation& run) {
  auto* reducer =
      app.add_subcommand("reducer", "Serve as one reduction server of a job (agents start it)");
  reducer->group(serve_group);
  reducer->footer(
      "Settings come from the environment: TROUPE_LISTEN (host:port), TROUPE_JOB,\n"
      "TROUPE_TOKEN, TROUPE_WORLD_SIZE, and optionally TROUPE_ATTEMPT, TROUPE_TIMEOUT_MS,\n"
      "TROUPE_CONNECT_TIMEOUT_MS, TROUPE_CHUNK_BYTES, TROUPE_SLOTS, TROUPE_THREADS,\n"
      "TROUPE_SPIN_US. With TROUPE_SHARED_KEY in place of job, token and world size it serves any\n"
      "number of jobs (at most TROUPE_MAX_JOBS at a time) until it is stopped.\n");
  reducer->callback([&run] { run.action = [&run] { return serve(run); }; });
}

} // namespace troupe::cli
