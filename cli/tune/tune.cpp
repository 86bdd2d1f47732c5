// `troupe tune`: the command. A study on this machine, without a cluster.
#include "cli/client/progress_output.hpp"
#include "cli/terminal/format.hpp"
#include "cli/terminal/shell_words.hpp"
#include "cli/terminal/stop_signals.hpp"
#include "cli/tune/commands.hpp"
#include "cli/tune/plot.hpp"
#include "cli/tune/run.hpp"
#include "cli/tune/view.hpp"
#include "host/installation.hpp"
#include "wire/json.hpp"

#include <algorithm>
#include <future>
#include <sys/signalfd.h>
#include <unistd.h>

namespace troupe::cli {

namespace {

constexpr const char* command_name = "troupe tune";
constexpr auto redraw_pause = std::chrono::milliseconds(250);

std::vector<std::string> inherited(const invocation& run) {
  auto variables = run.at.environment;
  // So that `from troupe import hypertune` works, as it does in a cluster.
  if (const auto here = host::find_installation(); here && !here->python.empty()) {
    auto& path = variables["PYTHONPATH"];
    path = here->python.string() + (path.empty() ? "" : ":" + path);
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : variables)
    out.push_back(name + "=" + value);
  return out;
}

/// Checks the command line and the file against the trials that the directory has.
result<> check_history(const tune_settings& settings, const stored_study& stored,
                       const std::vector<std::string>& words) {
  const auto made = static_cast<int64_t>(stored.trials.size());
  if (made > settings.job->getMaxTrialCount())
    return fail(errc::invalid_argument,
                "{} holds {} already, and maxTrialCount is {}; expected {} or more",
                settings.directory.string(), counted(stored.trials.size(), "trial"),
                settings.job->getMaxTrialCount(), made);
  const bool measured = std::ranges::any_of(stored.trials, [](const trial_frame& trial) {
    return trial->getState() == wire::Trial::State::SUCCEEDED;
  });
  if (measured && stored.command != words)
    return fail(errc::failed_precondition,
                "{} holds trials of another command, and their values would be mixed up:\n  was: "
                "{}\n  is:  {}\nChoose another --directory",
                settings.directory.string(), shell_line(stored.command), shell_line(words));
  return {};
}

void take_signal(int descriptor) {
  signalfd_siginfo taken{};
  while (::read(descriptor, &taken, sizeof taken) == ssize_t(sizeof taken)) {
  }
}

/// The result of a run: the study after its end or after a signal.
struct study_run {
  tuned_job job;
  std::string reason; // of an end before the last trial; empty if there is none
  std::optional<error> problem;
};

result<study_run> run_study(const invocation& run, const tune_settings& settings,
                            const command_template& command, tune_store& store) {
  stop_signals signals; // before any thread is started
  auto stopped = signals.descriptor();
  if (!stopped) return std::unexpected(stopped.error());
  auto reactor = runtime::reactor::create();
  if (!reactor) return std::unexpected(reactor.error());
  progress_output display(run); // belongs to the reactor's thread
  std::promise<void> ended;
  std::unique_ptr<tune_runner> tuned;
  std::function<void()> tick = [&] {
    if (!tuned) return; // the run has ended
    display.redraw(tune_progress(run.at, *tuned->job(), wall_clock()));
    (*reactor)->after(redraw_pause, [&] { tick(); });
  };
  tune_events events{.changed = [] {},
                     .started = [](wire::Trial::Reader) {},
                     .ended =
                         [&](wire::Trial::Reader trial) {
                           if (!display.live()) display.log(trial_line(*tuned->job(), trial));
                         },
                     .finished = [&] { ended.set_value(); }};
  bool interrupted = false;
  (*reactor)->post([&] {
    tuned =
        std::make_unique<tune_runner>(**reactor, settings, command, store, inherited(run), events);
    (*reactor)->watch(*stopped, [&] {
      take_signal(*stopped);
      if (!tuned) return;
      run.at.err << (interrupted ? "Killing what still runs.\n"
                                 : "Stopping the trials that run (again to kill them) ...\n")
                 << std::flush;
      interrupted = true;
      tuned->interrupt();
    });
    if (display.live()) tick();
    tuned->start();
  });
  ended.get_future().wait();
  study_run out;
  (*reactor)->run([&] {
    out = {tuned->job(), tuned->reason(), tuned->problem()};
    display.redraw(tune_progress(run.at, *out.job, wall_clock()));
    display.close();
    tuned.reset();
  });
  reactor->reset();
  return out;
}

int finished(const invocation& run, const tune_flags& flags, const tune_settings& settings,
             const command_template& command, const study_run& made) {
  using wire::JobState;
  const auto job = *made.job;
  const auto json = wire::to_json<wire::HyperparameterTuningJob>(job, {.pretty = true}) + "\n";
  if (run.options.json())
    run.at.out << json << std::flush;
  else if (job.getState() == JobState::SUCCEEDED && !made.reason.empty())
    run.at.out << "The study is over: " << made.reason << "\n";
  if (!run.options.json())
    for (auto& line : tune_outcome(run.at, job, command, wall_clock()))
      run.at.out << line << "\n";
  run.at.out << std::flush;
  for (const auto& written :
       {write_file(flags.files.json, json),
        write_file(flags.files.plot, flags.files.plot.empty() ? "" : svg_of(charts_of(job)))})
    if (!written) return run.failed(written.error());
  if (made.problem) return run.failed(*made.problem);
  if (job.getState() == JobState::CANCELLED) {
    run.at.err << fmt::format("Interrupted. The same command goes on with the study in {}\n",
                              settings.directory.string())
               << std::flush;
    return exit_interrupted;
  }
  if (job.getState() == JobState::SUCCEEDED) return exit_ok;
  return run.failed(
      {errc::failed_precondition,
       fmt::format("{}\nThe output of the trials is in {}. To go on with the study give a larger "
                   "--max-failed-trial-count; to start again give another --directory.",
                   wire::view(job.getError().getMessage()), settings.directory.string())});
}

int run_tune(const invocation& run, const tune_flags& flags) {
  const auto misused = [&](const error& problem) { return run.misused(problem, command_name); };
  if (!run.program || run.program->empty() || run.program->front().empty())
    return misused({errc::invalid_argument,
                    "nothing to tune: give the program after --, as in: troupe tune --config "
                    "study.yaml -- ./train --lr={lr}"});
  auto settings = tune_settings_of(flags);
  if (!settings) return misused(settings.error());
  const tuner::search_space space(settings->job->getStudySpec());
  auto command = command_template::parse(*run.program, space);
  if (!command) return misused(command.error());
  if (const auto program = command->program())
    if (auto found = find_program(*program, run.at.variable("PATH")); !found)
      return misused(found.error());
  if (auto usable = flags.files.check(); !usable) return misused(usable.error());
  auto store = tune_store::open(settings->directory, settings->job->getStudySpec(), settings->seed,
                                micros_of(wall_clock()));
  if (!store) return misused(store.error());
  if (auto fits = check_history(*settings, store->stored(), *run.program); !fits)
    return misused(fits.error());
  if (auto noted = store->run_started(*run.program, micros_of(wall_clock())); !noted)
    return run.failed(noted.error());
  auto made = run_study(run, *settings, *command, *store);
  if (!made) return run.failed(made.error());
  return finished(run, flags, *settings, *command, *made);
}

void add_options(CLI::App& command, tune_flags& flags) {
  command
      .add_option("--config", flags.config,
                  "YAML file with the study: studySpec and counts, as hp-tuning-jobs takes it, or "
                  "a StudySpec alone; - reads standard input")
      ->required();
  command.add_option("--max-trial-count", flags.max_trial_count,
                     "How many trials (default: the file's)");
  command.add_option("--parallel-trial-count", flags.parallel_trial_count,
                     "How many at a time (default: the file's, or 1)");
  command.add_option("--max-failed-trial-count", flags.max_failed_trial_count,
                     "Fail the study after this many failed trials");
  command.add_option("--timeout", flags.timeout,
                     "End a trial after this long, as 90s, 30m, 12h, 7d");
  command.add_option("--directory", flags.directory,
                     "Where the study is kept (default: the config's name with .tune, here)");
  command.add_option("--seed", flags.seed, "Seed of the suggestions (default: 0)");
  command.add_option("--metric-from-output", flags.metric_from_output,
                     "Regular expression whose only group is the metric in the program's output");
  command.add_option("--json", flags.files.json,
                     "Write the study to a file, as the API shows a tuning job");
  command.add_option("--plot", flags.files.plot, "Write a chart to a file, as SVG");
}

} // namespace

void add_tune(CLI::App& app, invocation& run) {
  auto* command = app.add_subcommand("tune", "Tune any command on this machine, without a cluster");
  command->group(jobs_group);
  auto flags = std::make_shared<tune_flags>();
  add_options(*command, *flags);
  command->footer(
      "Example:\n  troupe tune --config study.yaml --max-trial-count=40 -- ./train --lr={lr} "
      "--units={units}\n"
      "The program reports through CLOUD_ML_HP_METRIC_FILE (hypertune), or prints name=value.\n"
      "The same command again goes on where it was interrupted, or extends the study by a larger "
      "count.\n");
  command->callback(
      [&run, flags] { run.action = [&run, flags] { return run_tune(run, *flags); }; });
}

} // namespace troupe::cli
