#include "cli/jobs/request.hpp"

#include "cli/terminal/flags.hpp"
#include "cli/terminal/suggest.hpp"
#include "core/machines/pools.hpp"
#include "wire/json.hpp"
#include "wire/json_names.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

namespace troupe::cli {

namespace {

using wire::text;

template <class... Args>
std::unexpected<error> refuse(std::string_view flag, fmt::format_string<Args...> format,
                              Args&&... args) {
  return fail(errc::invalid_argument, "Invalid value for [{}]: {}", flag,
              fmt::format(format, std::forward<Args>(args)...));
}

result<std::string> read_config(const std::string& file) {
  std::ostringstream collected;
  if (file == "-") {
    collected << std::cin.rdbuf();
    return collected.str();
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (in) collected << in.rdbuf();
  // Opening a directory succeeds; reading it does not.
  if (!in || in.bad() || (errno != 0 && collected.str().empty()))
    return fail(errc::not_found, "Unable to read file [{}]: {}", file,
                std::strerror(errno ? errno : EIO));
  return collected.str();
}

template <class T>
result<wire::frame<T>> load(const std::string& file) {
  auto yaml = read_config(file);
  if (!yaml) return std::unexpected(yaml.error());
  return wire::from_yaml<T>(*yaml, file == "-" ? "standard input" : file);
}

/// The enumerant that a flag names, in Vertex's spelling.
template <class Enum>
result<Enum> enumerant(std::string_view flag, const std::string& name) {
  auto schema = capnp::Schema::from<Enum>();
  if (auto found = wire::detail::enumerant_named(schema, name)) return Enum(found->getOrdinal());
  auto known = wire::detail::enumerant_names(schema);
  auto meant = nearest(name, known);
  return refuse(flag, "[{}] is not known; expected one of [{}]{}", name, fmt::join(known, ", "),
                meant ? fmt::format("; did you mean {}?", *meant) : "");
}

template <class Init>
void put_texts(const std::vector<std::string>& values, Init&& init) {
  auto list = init(static_cast<unsigned>(values.size()));
  for (unsigned i = 0; i < values.size(); ++i)
    list.set(i, text(values[i]));
}

void put_map(const pairs& values, wire::StringMap::Builder into) {
  auto entries = into.initEntries(static_cast<unsigned>(values.size()));
  for (unsigned i = 0; i < values.size(); ++i) {
    entries[i].setKey(text(values[i].first));
    entries[i].setValue(text(values[i].second));
  }
}

/// Adds the variables of --env to a task; a variable that the task has already gets the new value
/// and keeps its position.
template <class Task>
void put_env(const pairs& given, Task task) {
  pairs collected;
  for (auto old : task.asReader().getEnv())
    collected.emplace_back(wire::str(old.getName()), wire::str(old.getValue()));
  for (auto& [name, value] : given) {
    auto old = std::find_if(collected.begin(), collected.end(),
                            [&](auto& pair) { return pair.first == name; });
    if (old != collected.end())
      old->second = value;
    else
      collected.emplace_back(name, value);
  }
  auto list = task.initEnv(static_cast<unsigned>(collected.size()));
  for (unsigned i = 0; i < collected.size(); ++i) {
    list[i].setName(text(collected[i].first));
    list[i].setValue(text(collected[i].second));
  }
}

result<pairs> env_of(const std::vector<std::string>& values) {
  pairs collected;
  for (auto& value : values) {
    auto equals = value.find('=');
    if (equals == std::string::npos || equals == 0)
      return refuse("--env", "[{}] is not NAME=value.", value);
    collected.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
  return collected;
}

result<> put_pool(const pool_flag& flag, wire::WorkerPoolSpec::Builder pool) {
  if (flag.skipped) return {};
  if (!flag.machine_type.empty()) pool.getMachineSpec().setMachineType(text(flag.machine_type));
  if (!flag.accelerator_type.empty()) {
    auto type = enumerant<wire::AcceleratorType>("--worker-pool-spec", flag.accelerator_type);
    if (!type) return std::unexpected(type.error());
    pool.getMachineSpec().setAcceleratorType(*type);
    pool.getMachineSpec().setAcceleratorCount(flag.accelerator_count);
  }
  pool.setReplicaCount(flag.replica_count);
  if (!flag.container_image_uri.empty()) {
    pool.initContainerSpec().setImageUri(text(flag.container_image_uri));
  } else {
    auto package = pool.initPythonPackageSpec();
    package.setExecutorImageUri(text(flag.executor_image_uri));
    package.setPythonModule(text(flag.python_module));
  }
  return {};
}

bool is_short_form(const custom_job_flags& flags) {
  return !flags.machine_type.empty() || !flags.accelerator_type.empty() || flags.accelerator_count
         || !flags.image.empty() || flags.replica_count || flags.reducer_count;
}

/// The pools of the short form: the primary, the other workers, the reduction servers.
result<std::vector<pool_flag>> short_pools(const custom_job_flags& flags) {
  if (flags.accelerator_count && flags.accelerator_type.empty())
    return refuse("--accelerator-count", "--accelerator-type is required with it.");
  for (auto [name, count] :
       {std::pair("--replica-count", flags.replica_count),
        std::pair("--reducer-count", flags.reducer_count),
        std::pair("--accelerator-count", std::optional<int64_t>(flags.accelerator_count))})
    if (count && *count < 1) return refuse(name, "[{}] should be a positive integer.", *count);
  pool_flag worker;
  worker.machine_type = flags.machine_type;
  worker.accelerator_type = flags.accelerator_type;
  worker.accelerator_count = flags.accelerator_count.value_or(1);
  worker.container_image_uri = flags.image.empty() ? "host" : flags.image;
  std::vector<pool_flag> pools = {worker};
  auto others = flags.replica_count.value_or(1) - 1;
  if (others > 0) {
    worker.replica_count = others;
    pools.push_back(worker);
  }
  if (flags.reducer_count) {
    if (others == 0)
      return refuse("--reducer-count",
                    "one replica has nothing to reduce; --replica-count should be 2 or more.");
    pool_flag reducers;
    reducers.container_image_uri = "troupe/reductionserver";
    reducers.replica_count = *flags.reducer_count;
    pools.push_back(reducers);
  }
  return pools;
}

/// The pools that the flags ask for; none if they leave that to the file.
result<std::vector<pool_flag>> pools_of(const custom_job_flags& flags, bool in_file) {
  if (!flags.pool_specs.empty() || in_file) {
    if (is_short_form(flags))
      return refuse("--machine-type, --accelerator-type, --image, --replica-count, --reducer-count",
                    "they describe the job by themselves and go together with neither "
                    "--worker-pool-spec nor the workerPoolSpecs of --config.");
    return parse_pools(flags.pool_specs);
  }
  if (!flags.program && flags.image.empty())
    return refuse(
        "--worker-pool-spec",
        "No worker pools specified. At least one worker pool must be provided via a YAML "
        "config file (--config) or via the --worker-pool-spec arg; or give the program to "
        "run after --, as in: -- python3 train.py");
  return short_pools(flags);
}

/// The flags that apply to every task: its program, arguments, variables and packages.
void put_task(const custom_job_flags& flags, const pairs& env, wire::WorkerPoolSpec::Builder pool) {
  // Reduction servers run no user code, so they do not get the trainers' arguments.
  if (core::is_reducer_pool(pool.asReader())) return;
  if (pool.isContainerSpec()) {
    auto task = pool.getContainerSpec();
    if (flags.program) {
      put_texts(*flags.program, [&](unsigned size) { return task.initCommand(size); });
      task.initArgs(0);
    }
    if (flags.command)
      put_texts(comma_list(*flags.command), [&](unsigned size) { return task.initCommand(size); });
    if (flags.args)
      put_texts(comma_list(*flags.args), [&](unsigned size) { return task.initArgs(size); });
    if (!env.empty()) put_env(env, task);
  } else if (pool.isPythonPackageSpec()) {
    auto task = pool.getPythonPackageSpec();
    if (flags.python_package_uris)
      put_texts(comma_list(*flags.python_package_uris),
                [&](unsigned size) { return task.initPackageUris(size); });
    if (flags.args)
      put_texts(comma_list(*flags.args), [&](unsigned size) { return task.initArgs(size); });
    if (!env.empty()) put_env(env, task);
  }
}

result<> put_job_options(const custom_job_flags& flags, wire::CustomJobSpec::Builder spec) {
  if (!flags.base_output_dir.empty())
    spec.initBaseOutputDirectory().setOutputUriPrefix(text(flags.base_output_dir));
  if (!flags.timeout.empty()) {
    auto timeout = parse_timeout("--timeout", flags.timeout);
    if (!timeout) return std::unexpected(timeout.error());
    spec.getScheduling().initTimeout().setMicros(*timeout);
  }
  if (flags.disable_retries) spec.getScheduling().setDisableRetries(true);
  if (flags.restart_job_on_worker_restart) spec.getScheduling().setRestartJobOnWorkerRestart(true);
  if (!flags.service_account.empty()) spec.setServiceAccount(text(flags.service_account));
  if (!flags.network.empty()) spec.setNetwork(text(flags.network));
  if (!flags.persistent_resource_id.empty())
    spec.setPersistentResourceId(text(flags.persistent_resource_id));
  if (flags.enable_web_access) spec.setEnableWebAccess(true);
  if (flags.enable_dashboard_access) spec.setEnableDashboardAccess(true);
  return {};
}

result<> fill(const custom_job_flags& flags, const std::vector<pool_flag>& pools,
              const pairs& labels, const pairs& env, wire::CustomJob::Builder job) {
  if (!flags.display_name.empty()) job.setDisplayName(text(flags.display_name));
  if (!labels.empty()) put_map(labels, job.initLabels());
  auto spec = job.getJobSpec();
  if (!pools.empty()) {
    auto list = spec.initWorkerPoolSpecs(static_cast<unsigned>(pools.size()));
    for (unsigned i = 0; i < pools.size(); ++i)
      if (auto put = put_pool(pools[i], list[i]); !put) return put;
  }
  for (auto pool : spec.getWorkerPoolSpecs())
    put_task(flags, env, pool);
  return put_job_options(flags, spec);
}

} // namespace

result<wire::frame<wire::CustomJob>> custom_job_of(const custom_job_flags& flags) {
  wire::frame<wire::CustomJobSpec> spec;
  if (!flags.config.empty()) {
    auto loaded = load<wire::CustomJobSpec>(flags.config);
    if (!loaded) return std::unexpected(loaded.error());
    spec = *loaded;
  }
  auto pools = pools_of(flags, spec->getWorkerPoolSpecs().size() > 0);
  if (!pools) return std::unexpected(pools.error());
  auto labels = key_values("--labels", flags.labels);
  if (!labels) return std::unexpected(labels.error());
  auto env = env_of(flags.env);
  if (!env) return std::unexpected(env.error());
  if (flags.program && flags.command)
    return refuse("--command", "the program is already given after --; give one of the two.");
  result<> filled;
  wire::frame<wire::CustomJob> job;
  job = job.with([&](wire::CustomJob::Builder builder) {
    builder.setJobSpec(*spec);
    filled = fill(flags, *pools, *labels, *env, builder);
  });
  if (!filled) return std::unexpected(filled.error());
  return job;
}

namespace {

/// gcloud writes algorithms in lower case with dashes; Vertex's names are understood as well.
result<wire::StudySpec::Algorithm> algorithm_of(std::string name) {
  for (char& c : name)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return enumerant<wire::StudySpec::Algorithm>("--algorithm", name);
}

using counts = std::initializer_list<std::pair<std::string_view, std::optional<int32_t>>>;

result<> check_positive(counts flags) {
  for (auto& [name, count] : flags)
    if (count && *count < 1) return refuse(name, "[{}] should be a positive integer.", *count);
  return {};
}

result<> fill(const tuning_job_flags& flags, wire::HyperparameterTuningJob::Builder job) {
  if (!flags.display_name.empty()) job.setDisplayName(text(flags.display_name));
  if (auto fits = check_positive({{"--max-trial-count", flags.max_trial_count},
                                  {"--parallel-trial-count", flags.parallel_trial_count}});
      !fits)
    return fits;
  // gcloud's defaults, for counts that are neither in the flags nor in the file.
  job.setMaxTrialCount(flags.max_trial_count.value_or(std::max(job.getMaxTrialCount(), 1)));
  job.setParallelTrialCount(
      flags.parallel_trial_count.value_or(std::max(job.getParallelTrialCount(), 1)));
  if (flags.max_failed_trial_count) job.setMaxFailedTrialCount(*flags.max_failed_trial_count);
  if (!flags.algorithm.empty()) {
    auto algorithm = algorithm_of(flags.algorithm);
    if (!algorithm) return std::unexpected(algorithm.error());
    job.getStudySpec().setAlgorithm(*algorithm);
  }
  auto labels = key_values("--labels", flags.labels);
  if (!labels) return std::unexpected(labels.error());
  if (!labels->empty()) put_map(*labels, job.initLabels());
  custom_job_flags trial;
  trial.base_output_dir = flags.base_output_dir;
  trial.timeout = flags.timeout;
  return put_job_options(trial, job.getTrialJobSpec());
}

} // namespace

result<wire::frame<wire::HyperparameterTuningJob>> tuning_job_of(const tuning_job_flags& flags) {
  auto loaded = load<wire::HyperparameterTuningJob>(flags.config);
  if (!loaded) return loaded;
  result<> filled;
  auto job = loaded->with(
      [&](wire::HyperparameterTuningJob::Builder builder) { filled = fill(flags, builder); });
  if (!filled) return std::unexpected(filled.error());
  return job;
}

result<wire::frame<wire::ResumeTuningJobRequest>> resume_request_of(const resume_flags& flags) {
  if (auto fits = check_positive({{"--max-trial-count", flags.max_trial_count},
                                  {"--parallel-trial-count", flags.parallel_trial_count},
                                  {"--max-failed-trial-count", flags.max_failed_trial_count}});
      !fits)
    return std::unexpected(fits.error());
  return wire::frame<wire::ResumeTuningJobRequest>::build(
      [&](wire::ResumeTuningJobRequest::Builder request) {
        request.setMaxTrialCount(flags.max_trial_count.value_or(0));
        request.setParallelTrialCount(flags.parallel_trial_count.value_or(0));
        request.setMaxFailedTrialCount(flags.max_failed_trial_count.value_or(0));
      });
}

} // namespace troupe::cli
