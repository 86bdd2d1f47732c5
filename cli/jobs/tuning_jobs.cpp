// `troupe hp-tuning-jobs`: create, resume, and what all kinds of jobs share.
#include "cli/jobs/commands.hpp"
#include "cli/jobs/request.hpp"
#include "cli/jobs/watch.hpp"
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

struct resume_request {
  std::string called;
  resume_flags flags;
  bool wait = false;
};

result<json_document> posted(const invocation& run, const resume_request& request,
                             const std::string& body, std::string& path) {
  // This client ends before the next one is made: a thread has one event loop at a time.
  auto client = run.connect();
  if (!client) return std::unexpected(client.error());
  auto found = find_job(**client, run, tuning_job_kind, request.called);
  if (!found) return std::unexpected(found.error());
  path = *found;
  return (*client)->post(path + ":resume", body);
}

int resume(const invocation& run, const resume_request& request) {
  auto wanted = resume_request_of(request.flags);
  if (!wanted) return run.misused(wanted.error(), "troupe hp-tuning-jobs resume");
  std::string path;
  auto job = posted(run, request, wire::to_json<wire::ResumeTuningJobRequest>(**wanted), path);
  if (!job) return run.failed(job.error());
  if (run.options.json() && !request.wait) {
    run.at.out << job->root().pretty() << "\n" << std::flush;
    return exit_ok;
  }
  auto name = (*job)["name"].text();
  auto& out = run.options.json() ? run.at.err : run.at.out;
  out << fmt::format("{} [{}] goes on, with at most {} trials, {} at a time.\n",
                     tuning_job_kind.type, name, (*job)["maxTrialCount"].integer(),
                     (*job)["parallelTrialCount"].integer())
      << std::flush;
  if (!request.wait) return exit_ok;
  out << "\n" << std::flush;
  return wait_for_job(run, tuning_job_kind, path);
}

void add_resume(CLI::App& group, invocation& run) {
  auto request = std::make_shared<resume_request>();
  auto* app =
      group.add_subcommand("resume", "Go on with a hyperparameter tuning job that has ended");
  app->add_option("JOB", request->called,
                  "The tuning job: its id, its full name, or its display name if no other has it")
      ->required();
  app->add_option("--max-trial-count", request->flags.max_trial_count,
                  "How many trials, with those that it has (default: as before)");
  app->add_option("--parallel-trial-count", request->flags.parallel_trial_count,
                  "How many at a time (default: as before)");
  app->add_option("--max-failed-trial-count", request->flags.max_failed_trial_count,
                  "Fail the job after this many failed trials (default: as before)");
  app->add_flag("--wait", request->wait, "Follow the job to its end; exit with 0 if it succeeded");
  app->footer("Example, 20 trials more for a job that had 40:\n"
              "  troupe hp-tuning-jobs resume digits --max-trial-count=60 --wait\n");
  app->callback(
      [&run, request] { run.action = [&run, request] { return resume(run, *request); }; });
}

} // namespace

void add_tuning_jobs(CLI::App& app, invocation& run) {
  auto* group = app.add_subcommand(
      "hp-tuning-jobs",
      "Hyperparameter tuning: create, resume, list, describe, cancel, delete, stream-logs");
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
                  "--config=tuning.yaml --max-trial-count=6 --parallel-trial-count=2 --wait\n");
  creator->callback(
      [&run, request] { run.action = [&run, request] { return create(run, *request); }; });
  add_resume(*group, run);
  add_job_commands(*group, run, tuning_job_kind);
}

} // namespace troupe::cli
