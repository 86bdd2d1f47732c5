// `troupe custom-jobs`: create, and what all kinds of jobs share.
#include "cli/jobs/commands.hpp"
#include "cli/jobs/request.hpp"
#include "wire/json.hpp"

namespace troupe::cli {

namespace {

constexpr const char* create_examples =
    "Examples:\n"
    "  One program on one machine; everything after -- is its command line:\n"
    "    troupe custom-jobs create --display-name=mnist --wait -- python3 train.py --lr=0.1\n"
    "  Four machines, two reduction servers:\n"
    "    troupe custom-jobs create --display-name=big --machine-type=n1-standard-8 \\\n"
    "      --replica-count=4 --reducer-count=2 -- python3 train.py\n"
    "  As with gcloud:\n"
    "    troupe custom-jobs create --display-name=x --config=job.yaml\n"
    "    troupe custom-jobs create --display-name=x --args=--lr=0.1,--epochs=3 \\\n"
    "      --worker-pool-spec=machine-type=n1-standard-4,container-image-uri=host\n";

struct create_request {
  custom_job_flags flags;
  bool wait = false;
};

int create(const invocation& run, create_request& request) {
  request.flags.program = run.program;
  auto job = custom_job_of(request.flags);
  if (!job) return run.misused(job.error(), "troupe custom-jobs create");
  return submit_job(run, custom_job_kind, wire::to_json<wire::CustomJob>(**job), request.wait);
}

void add_short_form(CLI::App& app, custom_job_flags& flags) {
  constexpr const char* group = "The short form (with: -- PROGRAM ARGS...)";
  app.add_option("--machine-type", flags.machine_type, "Machine type of every replica")
      ->group(group);
  app.add_option("--accelerator-type", flags.accelerator_type, "As NVIDIA_H100_80GB")->group(group);
  app.add_option("--accelerator-count", flags.accelerator_count,
                 "Accelerators of every replica (default: 1)")
      ->group(group);
  app.add_option("--image", flags.image,
                 "Where the program runs (default: host, a process on the node)")
      ->group(group);
  app.add_option("--replica-count", flags.replica_count,
                 "How many replicas; the first is the primary (default: 1)")
      ->group(group);
  app.add_option("--reducer-count", flags.reducer_count,
                 "How many reduction servers (default: none)")
      ->group(group);
}

void add_pools(CLI::App& app, custom_job_flags& flags) {
  constexpr const char* group = "Worker pools, as with gcloud";
  app.add_option("--config", flags.config,
                 "YAML file with a CustomJobSpec; - reads standard input. Flags override it")
      ->group(group);
  app.add_option("--worker-pool-spec", flags.pool_specs,
                 "One for each pool: machine-type=..,replica-count=..,accelerator-type=..,"
                 "accelerator-count=.., and "
                 "container-image-uri=.. or executor-image-uri=..,python-module=..; an empty one "
                 "skips the pool")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--command", flags.command, "Comma-separated command of every container")
      ->group(group);
  app.add_option("--args", flags.args, "Comma-separated arguments of every task")->group(group);
  app.add_option("--python-package-uris", flags.python_package_uris,
                 "Comma-separated Python packages")
      ->group(group);
  app.add_option("--env", flags.env, "NAME=value for every task; repeat it for more")
      ->allow_extra_args(false)
      ->group(group);
}

void add_job_options(CLI::App& app, custom_job_flags& flags) {
  app.add_option("--labels", flags.labels, "KEY=VALUE,...");
  app.add_option("--base-output-dir", flags.base_output_dir,
                 "Where models, checkpoints and logs go: a path or gs://");
  app.add_option("--timeout", flags.timeout, "End the job after this long, as 90s, 30m, 12h, 7d");
  app.add_flag("--disable-retries", flags.disable_retries,
               "Fail at the first failure of a replica");
  app.add_flag("--restart-job-on-worker-restart", flags.restart_job_on_worker_restart,
               "When one replica restarts, restart all");
  app.add_option("--service-account", flags.service_account, "Kept in the job's spec");
  app.add_option("--network", flags.network, "Kept in the job's spec");
  app.add_option("--persistent-resource-id", flags.persistent_resource_id,
                 "Kept in the job's spec");
  app.add_flag("--enable-web-access", flags.enable_web_access, "Kept in the job's spec");
  app.add_flag("--enable-dashboard-access", flags.enable_dashboard_access,
               "Kept in the job's spec");
}

} // namespace

void add_custom_jobs(CLI::App& app, invocation& run) {
  auto* group = app.add_subcommand(
      "custom-jobs", "Training jobs: create, list, describe, cancel, delete, stream-logs");
  group->group(jobs_group);
  auto request = std::make_shared<create_request>();
  auto* creator = group->add_subcommand("create", "Submit a custom job");
  creator->add_option("--display-name", request->flags.display_name, "The name that people see")
      ->required();
  creator->add_flag("--wait", request->wait,
                    "Follow the job to its end; exit with 0 if it succeeded");
  add_job_options(*creator, request->flags);
  add_short_form(*creator, request->flags);
  add_pools(*creator, request->flags);
  creator->footer(create_examples);
  creator->callback(
      [&run, request] { run.action = [&run, request] { return create(run, *request); }; });
  add_job_commands(*group, run, custom_job_kind);
}

} // namespace troupe::cli
