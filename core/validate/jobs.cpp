// Whether a custom job or a tuning job is valid: its pools, containers, schedule and limits.
#include "core/machines/pools.hpp"
#include "core/validate/detail.hpp"

#include <algorithm>
#include <array>

namespace troupe::core::detail {

namespace {

constexpr size_t labels_max = 64;
constexpr size_t label_characters_max = 64;
constexpr size_t display_name_characters_max = 128;
constexpr size_t env_max = 100;
constexpr size_t package_uris_max = 100;
constexpr size_t args_characters_max = 100'000;
constexpr int32_t boot_disk_gb_min = 100;
constexpr int32_t boot_disk_gb_max = 64'000;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_international(char c) { return static_cast<unsigned char>(c) >= 0x80; }

bool is_label_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return is_lower(c) || is_digit(c) || c == '_' || c == '-' || is_international(c);
  });
}

bool is_c_identifier(std::string_view text) {
  if (text.empty() || is_digit(text.front())) return false;
  return std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

void check_label(problem_list& problems, wire::StringMap::Entry::Reader label) {
  const auto key = wire::view(label.getKey());
  const auto value = wire::view(label.getValue());
  if (key.starts_with("aiplatform.googleapis.com/")) {
    problems.add("labels", "key '{}' has a reserved prefix; expected a key of your own", key);
    return;
  }
  if (key.empty() || characters(key) > label_characters_max || !is_label_text(key))
    problems.add("labels",
                 "key '{}'; expected 1 to {} lowercase letters, digits, underscores and dashes",
                 key, label_characters_max);
  if (characters(value) > label_characters_max || !is_label_text(value))
    problems.add("labels",
                 "value '{}' of key '{}'; expected at most {} lowercase letters, digits, "
                 "underscores and dashes",
                 value, key, label_characters_max);
}

void check_env(problem_list& problems, const std::string& path,
               capnp::List<wire::EnvVar>::Reader variables) {
  if (variables.size() > env_max)
    problems.add(path, "{} variables; expected at most {}", variables.size(), env_max);
  for (uint32_t i = 0; i < variables.size(); ++i) {
    const auto name = wire::view(variables[i].getName());
    if (!is_c_identifier(name))
      problems.add(fmt::format("{}[{}].name", path, i),
                   "'{}'; expected a C identifier: letters, digits and underscores, no digit first",
                   name);
  }
}

void check_args(problem_list& problems, const std::string& path,
                capnp::List<capnp::Text>::Reader args) {
  size_t total = 0;
  for (auto arg : args)
    total += characters(wire::view(arg));
  if (total > args_characters_max)
    problems.add(path, "{} characters in all; expected at most {}", total, args_characters_max);
}

void check_container(problem_list& problems, const std::string& path,
                     wire::ContainerSpec::Reader container) {
  if (container.getImageUri().size() == 0)
    problems.add(path + ".imageUri", "not set; expected the URI of a container image");
  check_args(problems, path + ".args", container.getArgs());
  check_env(problems, path + ".env", container.getEnv());
}

void check_package(problem_list& problems, const std::string& path,
                   wire::PythonPackageSpec::Reader package) {
  if (package.getExecutorImageUri().size() == 0)
    problems.add(path + ".executorImageUri", "not set; expected the URI of a container image");
  const auto uris = package.getPackageUris();
  if (uris.size() == 0 || uris.size() > package_uris_max)
    problems.add(path + ".packageUris", "{} packages; expected 1 to {}", uris.size(),
                 package_uris_max);
  for (uint32_t i = 0; i < uris.size(); ++i) {
    if (uris[i].size() == 0)
      problems.add(fmt::format("{}.packageUris[{}]", path, i),
                   "empty; expected the URI of a Python package");
  }
  if (package.getPythonModule().size() == 0)
    problems.add(path + ".pythonModule",
                 "not set; expected the module to run, such as trainer.task");
  check_args(problems, path + ".args", package.getArgs());
  check_env(problems, path + ".env", package.getEnv());
}

void check_reducers(problem_list& problems, const std::string& path, uint32_t number,
                    wire::WorkerPoolSpec::Reader pool) {
  const auto container = pool.getContainerSpec();
  if (number != reducer_pool)
    problems.add(path + ".containerSpec.imageUri",
                 "the reduction server '{}' in worker pool {}; expected it in worker pool {} only",
                 wire::view(container.getImageUri()), number, reducer_pool);
  const auto machine = pool.getMachineSpec();
  if (machine.getAcceleratorType() != wire::AcceleratorType::UNSPECIFIED
      || machine.getAcceleratorCount() != 0)
    problems.add(path + ".machineSpec.acceleratorType",
                 "accelerators beside the reduction server; expected none, it runs on CPUs");
  if (container.getCommand().size() != 0)
    problems.add(path + ".containerSpec.command",
                 "set beside the reduction server; expected none, it has its own");
  if (container.getArgs().size() != 0)
    problems.add(path + ".containerSpec.args",
                 "set beside the reduction server; expected none, it has its own");
}

void check_task(problem_list& problems, const std::string& path, uint32_t number,
                wire::WorkerPoolSpec::Reader pool) {
  switch (pool.which()) {
  case wire::WorkerPoolSpec::CONTAINER_SPEC:
    check_container(problems, path + ".containerSpec", pool.getContainerSpec());
    if (is_reducer_pool(pool)) check_reducers(problems, path, number, pool);
    return;
  case wire::WorkerPoolSpec::PYTHON_PACKAGE_SPEC:
    check_package(problems, path + ".pythonPackageSpec", pool.getPythonPackageSpec());
    return;
  case wire::WorkerPoolSpec::NO_TASK:
    break;
  }
  problems.add(path, "no task; expected exactly one of containerSpec and pythonPackageSpec");
}

void check_machine(problem_list& problems, const std::string& path,
                   wire::MachineSpec::Reader machine, const machine_table& machines) {
  if (auto demand = demand_of(machines, machine); !demand)
    problems.list(path + "." + demand.error().message);
  if (machine.getTpuTopology().size() != 0) problems.unsupported(path + ".tpuTopology");
  if (machine.getGpuPartitionSize().size() != 0) problems.unsupported(path + ".gpuPartitionSize");
}

void check_disk(problem_list& problems, const std::string& path, wire::DiskSpec::Reader disk) {
  constexpr std::array<std::string_view, 4> types{"", "pd-ssd", "pd-standard",
                                                  "hyperdisk-balanced"};
  const auto type = wire::view(disk.getBootDiskType());
  if (std::ranges::find(types, type) == types.end())
    problems.add(path + ".bootDiskType", "'{}'; expected pd-ssd, pd-standard or hyperdisk-balanced",
                 type);
  const auto size_gb = disk.getBootDiskSizeGb();
  if (size_gb != 0 && (size_gb < boot_disk_gb_min || size_gb > boot_disk_gb_max))
    problems.add(path + ".bootDiskSizeGb", "{}; expected {} to {}", size_gb, boot_disk_gb_min,
                 boot_disk_gb_max);
}

void check_replica_count(problem_list& problems, const std::string& path, uint32_t number,
                         int64_t count) {
  if (number == 0 && (count < 0 || count > 1))
    problems.add(path + ".replicaCount",
                 "{}; expected 1: the primary replica count cannot be greater than 1", count);
  else if (count < 0 || count > replicas_of_pool_max)
    problems.add(path + ".replicaCount", "{}; expected 1 to {}", count, replicas_of_pool_max);
}

void check_pool(problem_list& problems, const std::string& path, uint32_t number,
                wire::WorkerPoolSpec::Reader pool, const machine_table& machines) {
  check_replica_count(problems, path, number, pool.getReplicaCount());
  check_task(problems, path, number, pool);
  check_machine(problems, path + ".machineSpec", pool.getMachineSpec(), machines);
  check_disk(problems, path + ".diskSpec", pool.getDiskSpec());
  if (pool.getNfsMounts().size() != 0) problems.unsupported(path + ".nfsMounts");
  if (pool.getLustreMounts().size() != 0) problems.unsupported(path + ".lustreMounts");
}

void check_pools(problem_list& problems, const std::string& path,
                 capnp::List<wire::WorkerPoolSpec>::Reader pools, const machine_table& machines) {
  if (pools.size() == 0) {
    problems.add(path, "no worker pool; expected 1 to {}", pools_max);
    return;
  }
  if (pools.size() > pools_max)
    problems.add(path, "{} worker pools; expected at most {}", pools.size(), pools_max);
  if (is_empty_pool(pools[0]))
    problems.add(
        path + "[0]",
        "empty; expected the primary replica's pool, the only one that may not be skipped");
  for (uint32_t i = 0; i < std::min(pools.size(), pools_max); ++i) {
    if (!is_empty_pool(pools[i]))
      check_pool(problems, fmt::format("{}[{}]", path, i), i, pools[i], machines);
  }
}

void check_scheduling(problem_list& problems, const std::string& path,
                      wire::Scheduling::Reader scheduling) {
  if (scheduling.hasTimeout() && scheduling.getTimeout().getMicros() <= 0)
    problems.add(path + ".timeout", "{}; expected more than 0s",
                 seconds_text(scheduling.getTimeout()));
  if (scheduling.hasMaxWaitDuration() && scheduling.getMaxWaitDuration().getMicros() < 0)
    problems.add(path + ".maxWaitDuration", "{}; expected 0s (wait forever) or more",
                 seconds_text(scheduling.getMaxWaitDuration()));
  if (scheduling.getStrategy() == wire::Scheduling::Strategy::RESERVED5
      || scheduling.getStrategy() > wire::Scheduling::Strategy::FLEX_START)
    problems.add(path + ".strategy", "{} is not a strategy; expected STANDARD, SPOT or FLEX_START",
                 static_cast<uint32_t>(scheduling.getStrategy()));
}

void check_output(problem_list& problems, const std::string& path,
                  wire::GcsDestination::Reader output) {
  const auto prefix = wire::view(output.getOutputUriPrefix());
  const bool bucket = prefix.starts_with("gs://") && prefix.size() > 5 && prefix[5] != '/';
  if (!bucket && !prefix.starts_with('/'))
    problems.add(path + ".outputUriPrefix",
                 "'{}'; expected gs://<bucket>/<path> or an absolute path on the nodes", prefix);
}

} // namespace

size_t characters(std::string_view utf8) {
  return static_cast<size_t>(
      std::ranges::count_if(utf8, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string seconds_text(wire::Duration::Reader duration) {
  return fmt::format("{}s", static_cast<double>(duration.getMicros()) / 1e6);
}

void check_resource(problem_list& problems, std::string_view display_name,
                    wire::StringMap::Reader labels) {
  const auto size = characters(display_name);
  if (size == 0)
    problems.add("displayName", "not set; expected 1 to {} characters",
                 display_name_characters_max);
  else if (size > display_name_characters_max)
    problems.add("displayName", "{} characters; expected 1 to {}", size,
                 display_name_characters_max);
  const auto entries = labels.getEntries();
  if (entries.size() > labels_max)
    problems.add("labels", "{} labels; expected at most {}", entries.size(), labels_max);
  for (auto entry : entries)
    check_label(problems, entry);
}

void check_job_spec(problem_list& problems, const std::string& path,
                    wire::CustomJobSpec::Reader spec, const machine_table& machines) {
  check_pools(problems, path + ".workerPoolSpecs", spec.getWorkerPoolSpecs(), machines);
  check_scheduling(problems, path + ".scheduling", spec.getScheduling());
  if (spec.hasBaseOutputDirectory())
    check_output(problems, path + ".baseOutputDirectory", spec.getBaseOutputDirectory());
  if (spec.getPersistentResourceId().size() != 0)
    problems.unsupported(path + ".persistentResourceId");
}

} // namespace troupe::core::detail

namespace troupe::core {

std::vector<std::string> problems_of(wire::CustomJob::Reader job, const machine_table& machines) {
  detail::problem_list problems;
  detail::check_resource(problems, wire::view(job.getDisplayName()), job.getLabels());
  detail::check_job_spec(problems, "jobSpec", job.getJobSpec(), machines);
  return std::move(problems).take();
}

std::vector<std::string> problems_of(wire::HyperparameterTuningJob::Reader job,
                                     const machine_table& machines) {
  detail::problem_list problems;
  detail::check_resource(problems, wire::view(job.getDisplayName()), job.getLabels());
  const auto trials = job.getMaxTrialCount();
  const auto parallel = job.getParallelTrialCount();
  const auto failed = job.getMaxFailedTrialCount();
  if (trials < 1) problems.add("maxTrialCount", "{}; expected 1 or more", trials);
  if (parallel < 1 || (trials >= 1 && parallel > trials))
    problems.add("parallelTrialCount", "{}; expected 1 to maxTrialCount, which is {}", parallel,
                 trials);
  if (failed < 0 || (trials >= 1 && failed > trials))
    problems.add("maxFailedTrialCount", "{}; expected 0 to maxTrialCount, which is {}", failed,
                 trials);
  detail::check_study(problems, "studySpec", job.getStudySpec(), detail::defaults::refused);
  detail::check_job_spec(problems, "trialJobSpec", job.getTrialJobSpec(), machines);
  return std::move(problems).take();
}

std::vector<std::string> problems_of(wire::Study::Reader study) {
  detail::problem_list problems;
  detail::check_resource(problems, wire::view(study.getDisplayName()), {});
  detail::check_study(problems, "studySpec", study.getStudySpec(), detail::defaults::allowed);
  return std::move(problems).take();
}

std::vector<std::string> problems_of(wire::StudySpec::Reader study) {
  detail::problem_list problems;
  detail::check_study(problems, "studySpec", study, detail::defaults::allowed);
  return std::move(problems).take();
}

} // namespace troupe::core
