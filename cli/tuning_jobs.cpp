#include "cli/commands.hpp"
#include "cli/job_request.hpp"
#include "wire/json.hpp"

namespace troupe::cli {

namespace {

struct create_request {
  tuning_job_flags flags;
  bool wait = false;
};

int create(const invocation& run, const create_request& request) {
  if (run.program)
    return run.misused(
        {errc::invalid_argument,
         "a tuning job takes its program from --config (trialJobSpec), not from after --"},
        "troupe hp-tuning-jobs create");
  auto job = tuning_job_of(request.flags);
  if (!job) return run.misused(job.error(), "troupe hp-tuning-jobs create");
  return submit_job(run, tuning_job_kind, wire::to_json<wire::HyperparameterTuningJob>(**job),
                    request.wait);
}

} // namespace

void add_tuning_jobs(CLI::App& app, invocation& run) {
  auto* group = app.add_subcommand(
      "hp-tuning-jobs",
      "Hyperparameter tuning: create, list, describe, cancel, delete, stream-logs");
  group->group(jobs_group);
  auto request = std::make_shared<create_request>();
  auto* creator = group->add_subcommand("create", "Submit a hyperparameter tuning job");
  auto& flags = request->flags;
  creator->add_option("--display-name", flags.display_name, "The name that people see")->required();
  creator
      ->add_option("--config", flags.config,
                   "YAML file with studySpec and trialJobSpec; - reads standard input")
      ->required();
  creator->add_option("--max-trial-count", flags.max_trial_count,
                      "How many trials (default: the file's, or 1)");
  creator->add_option("--parallel-trial-count", flags.parallel_trial_count,
                      "How many at a time (default: the file's, or 1)");
  creator->add_option("--max-failed-trial-count", flags.max_failed_trial_count,
                      "Fail the job after this many failed trials");
  creator->add_option("--algorithm", flags.algorithm,
                      "algorithm-unspecified, grid-search or random-search");
  creator->add_option("--labels", flags.labels, "KEY=VALUE,...");
  creator->add_option("--base-output-dir", flags.base_output_dir,
                      "Where models go: <dir>/<trial>/model/");
  creator->add_option("--timeout", flags.timeout,
                      "End a trial after this long, as 90s, 30m, 12h, 7d");
  creator->add_flag("--wait", request->wait,
                    "Follow the job to its end; exit with 0 if it succeeded");
  creator->footer("Example:\n  troupe hp-tuning-jobs create --display-name=digits "
                  "--config=tuning.yaml --max-trial-count=6 "
                  "--parallel-trial-count=2 --wait\n");
  creator->callback(
      [&run, request] { run.action = [&run, request] { return create(run, *request); }; });
  add_job_commands(*group, run, tuning_job_kind);
}

} // namespace troupe::cli
