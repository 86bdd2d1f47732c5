#include "runtime/environment.hpp"

#include "base/json_text.hpp"
#include "base/names.hpp"
#include "runtime/expansion.hpp"
#include "wire/json.hpp"

#include <algorithm>

namespace troupe::runtime {

namespace {

constexpr uint32_t evaluator_pool = 3;
constexpr std::string_view tf_names[] = {"chief", "worker", "ps", "evaluator"};

std::string address_of(wire::PoolPlacement::Endpoint::Reader endpoint) {
  auto host = wire::view(endpoint.getHost());
  // Brackets separate the colons of an IPv6 address from the port's.
  bool bare_ipv6 = host.find(':') != host.npos && !host.starts_with('[');
  return fmt::format(fmt::runtime(bare_ipv6 ? "[{}]:{}" : "{}:{}"), host, endpoint.getPort());
}

std::string addresses_of(wire::PoolPlacement::Reader pool, bool in_quotes) {
  std::string out;
  for (auto endpoint : pool.getEndpoints()) {
    if (!out.empty()) out += ',';
    out += in_quotes ? json_quoted(address_of(endpoint)) : address_of(endpoint);
  }
  return out;
}

/// `{"name":["host:port",...],...}` of the pools that `name_of` names.
template <class NameOf>
std::string cluster_json(wire::Launch::Reader launch, NameOf name_of) {
  std::string out = "{";
  uint32_t number = 0;
  for (auto pool : launch.getPools()) {
    std::string name = name_of(number++, pool);
    if (name.empty() || pool.getEndpoints().size() == 0) continue;
    if (out.size() > 1) out += ',';
    out += json_quoted(name) + ":[" + addresses_of(pool, /* in_quotes= */ true) + ']';
  }
  return out + '}';
}

std::string config_json(wire::Launch::Reader launch, const std::string& cluster,
                        std::string_view task_type, uint32_t index) {
  auto trial = wire::view(launch.getTrialId());
  return fmt::format(
      R"({{"cluster":{},"environment":"cloud","task":{{"type":{},"index":{}{}}},"job":{}}})",
      cluster, json_quoted(task_type), index,
      trial.empty() ? std::string() : ",\"trial\":" + json_quoted(trial),
      wire::to_json<wire::CustomJobSpec>(launch.getSpec()));
}

std::string cluster_spec(wire::Launch::Reader launch, const replica_key& replica) {
  auto name_of = [](uint32_t pool, auto) { return pool_name(pool); };
  return config_json(launch, cluster_json(launch, name_of), name_of(replica.pool, 0),
                     replica.index);
}

std::string tf_config(wire::Launch::Reader launch, const replica_key& replica) {
  auto cluster = cluster_json(launch, [](uint32_t pool, wire::PoolPlacement::Reader placement) {
    // Evaluators are outside TensorFlow's cluster; reducers would count as parameter servers.
    bool listed = pool < evaluator_pool && !placement.getReducers();
    return listed ? std::string(tf_names[pool]) : std::string();
  });
  return config_json(launch, cluster, tf_names[std::min(replica.pool, evaluator_pool)],
                     replica.index);
}

struct ranks {
  std::optional<uint32_t> own;
  uint32_t world_size = 0;
};

ranks ranks_of(wire::Launch::Reader launch, const replica_key& replica) {
  ranks out;
  uint32_t number = 0;
  for (auto pool : launch.getPools()) {
    bool ranked = number < evaluator_pool && !pool.getReducers();
    if (ranked && number == replica.pool) out.own = out.world_size + replica.index;
    if (ranked) out.world_size += pool.getEndpoints().size();
    ++number;
  }
  return out;
}

void put_output(environment& to, wire::CustomJobSpec::Reader spec, const node_settings& settings) {
  auto prefix = output_prefix(spec, settings);
  if (prefix.empty()) return;
  to.put("AIP_MODEL_DIR", prefix + "model/");
  to.put("AIP_CHECKPOINT_DIR", prefix + "checkpoints/");
  to.put("AIP_TENSORBOARD_LOG_DIR", prefix + "logs/");
}

std::string last_part(capnp::Text::Reader name) {
  auto text = wire::view(name);
  return std::string(text.substr(text.rfind('/') + 1));
}

void put_services(environment& to, wire::CustomJobSpec::Reader spec,
                  const node_settings& settings) {
  if (spec.getTensorboard().size() > 0) {
    to.put("AIP_TENSORBOARD_RESOURCE_NAME", wire::str(spec.getTensorboard()));
    if (!settings.api_uri.empty()) to.put("AIP_TENSORBOARD_API_URI", settings.api_uri);
  }
  if (spec.getExperiment().size() > 0)
    to.put("AIP_EXPERIMENT_NAME", last_part(spec.getExperiment()));
  if (spec.getExperimentRun().size() > 0)
    to.put("AIP_EXPERIMENT_RUN_NAME", last_part(spec.getExperimentRun()));
}

void put_identity(environment& to, wire::Launch::Reader launch, const replica_paths& paths) {
  to.put("CLOUD_ML_JOB_ID", std::to_string(launch.getJobId()));
  to.put("CLOUD_ML_PROJECT_ID", wire::str(launch.getProject()));
  to.put("CLOUD_ML_REGION", wire::str(launch.getLocation()));
  if (launch.getTrialId().size() == 0) return;
  to.put("CLOUD_ML_TRIAL_ID", wire::str(launch.getTrialId()));
  to.put("CLOUD_ML_HP_METRIC_FILE", paths.metric_file.string());
}

/// CUDA and all that uses it number the visible GPUs from 0; so a replica sees only its own.
void put_gpus(environment& to, wire::Launch::Reader launch, const replica_key& replica) {
  auto pools = launch.getPools();
  if (replica.pool >= pools.size() || replica.index >= pools[replica.pool].getEndpoints().size())
    return;
  auto own = pools[replica.pool].getEndpoints()[replica.index].getGpuIndices();
  std::string visible;
  for (auto index : own)
    visible += (visible.empty() ? "" : ",") + std::to_string(index);
  if (!visible.empty()) to.put("CUDA_VISIBLE_DEVICES", visible);
}

void put_ranks(environment& to, wire::Launch::Reader launch, const ranks& where) {
  auto pools = launch.getPools();
  if (!where.own || pools.size() == 0 || pools[0].getEndpoints().size() == 0) return;
  auto primary = pools[0].getEndpoints()[0];
  to.put("MASTER_ADDR", wire::str(primary.getHost()));
  to.put("MASTER_PORT", std::to_string(primary.getPort()));
  to.put("RANK", std::to_string(*where.own));
  to.put("WORLD_SIZE", std::to_string(where.world_size));
}

void put_reduction(environment& to, wire::Launch::Reader launch, const replica_key& replica,
                   const ranks& where) {
  auto pools = launch.getPools();
  std::string reducers;
  for (auto pool : pools)
    if (pool.getReducers()) reducers = addresses_of(pool, /* in_quotes= */ false);
  if (reducers.empty()) return;
  bool is_reducer = pools[replica.pool].getReducers();
  if (!is_reducer && !where.own) return;
  if (is_reducer)
    to.put("TROUPE_LISTEN", address_of(pools[replica.pool].getEndpoints()[replica.index]));
  else
    to.put("TROUPE_REDUCERS", reducers);
  to.put("TROUPE_JOB", std::to_string(launch.getJobId()));
  to.put("TROUPE_ATTEMPT", std::to_string(launch.getAttempt()));
  to.put("TROUPE_TOKEN", wire::str(launch.getToken()));
  if (is_reducer) to.put("TROUPE_WORLD_SIZE", std::to_string(where.world_size));
}

uint32_t replicas_of(wire::Launch::Reader launch) {
  uint32_t out = 0;
  for (auto pool : launch.getPools())
    out += pool.getEndpoints().size();
  return out;
}

capnp::List<wire::EnvVar>::Reader variables_of(wire::WorkerPoolSpec::Reader pool) {
  switch (pool.which()) {
  case wire::WorkerPoolSpec::CONTAINER_SPEC:
    return pool.getContainerSpec().getEnv();
  case wire::WorkerPoolSpec::PYTHON_PACKAGE_SPEC:
    return pool.getPythonPackageSpec().getEnv();
  default:
    return {};
  }
}

/// Troupe's directories come first: the job's PYTHONPATH must not hide `import troupe.torch`, and
/// the job's own packages come before it.
void put_python_path(environment& to, const node_settings& settings, const replica_paths& paths) {
  std::string out;
  auto add = [&](const std::string& part) {
    if (part.empty()) return;
    if (!out.empty()) out += ':';
    out += part;
  };
  add(paths.packages.string());
  add(settings.python_path.string());
  if (out.empty()) return;
  add(to.find("PYTHONPATH").value_or(""));
  to.put("PYTHONPATH", out);
}

} // namespace

void environment::put(std::string name, std::string value) {
  for (auto& [known, old] : variables_)
    if (known == name) {
      old = std::move(value);
      return;
    }
  variables_.emplace_back(std::move(name), std::move(value));
}

std::optional<std::string> environment::find(std::string_view name) const {
  for (const auto& [known, value] : variables_)
    if (known == name) return value;
  return std::nullopt;
}

std::vector<std::string> environment::list() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : variables_)
    out.push_back(name + '=' + value);
  return out;
}

std::optional<std::filesystem::path> local_path(std::string_view uri,
                                                const node_settings& settings) {
  constexpr std::string_view gs = "gs://", file = "file://";
  if (uri.starts_with(file)) uri.remove_prefix(file.size());
  if (uri.starts_with('/')) return std::filesystem::path(uri);
  if (!uri.starts_with(gs)) return std::nullopt;
  uri.remove_prefix(gs.size());
  auto slash = std::min(uri.find('/'), uri.size());
  auto bucket = settings.buckets.find(std::string(uri.substr(0, slash)));
  if (bucket == settings.buckets.end()) return std::nullopt;
  auto rest = uri.substr(std::min(slash + 1, uri.size()));
  return rest.empty() ? bucket->second : bucket->second / rest;
}

std::string output_prefix(wire::CustomJobSpec::Reader spec, const node_settings& settings) {
  auto uri = wire::view(spec.getBaseOutputDirectory().getOutputUriPrefix());
  if (uri.empty()) return {};
  auto local = local_path(uri, settings);
  auto out = local ? local->string() : std::string(uri);
  return out.ends_with('/') ? out : out + '/';
}

environment platform_environment(wire::Launch::Reader launch, const replica_key& replica,
                                 const node_settings& settings, const replica_paths& paths) {
  environment out;
  auto where = ranks_of(launch, replica);
  put_output(out, launch.getSpec(), settings);
  out.put("CLUSTER_SPEC", cluster_spec(launch, replica));
  if (replicas_of(launch) > 1 && !launch.getPools()[replica.pool].getReducers())
    out.put("TF_CONFIG", tf_config(launch, replica));
  put_identity(out, launch, paths);
  put_services(out, launch.getSpec(), settings);
  put_ranks(out, launch, where);
  put_gpus(out, launch, replica);
  put_reduction(out, launch, replica, where);
  if (!settings.library.empty()) out.put("TROUPE_LIB", settings.library.string());
  return out;
}

environment environment_of(wire::Launch::Reader launch, const replica_key& replica,
                           const node_settings& settings, const replica_paths& paths,
                           const std::vector<std::string>& inherited) {
  environment out;
  for (const auto& variable : inherited) {
    auto equals = variable.find('=');
    if (equals != variable.npos) out.put(variable.substr(0, equals), variable.substr(equals + 1));
  }
  // Lines of a Python program reach the log when they are printed; a job may override this.
  out.put("PYTHONUNBUFFERED", "1");
  auto platform = platform_environment(launch, replica, settings, paths);
  auto value_of = [&](std::string_view name) {
    auto value = platform.find(name);
    return value ? value : out.find(name);
  };
  for (auto variable : variables_of(launch.getSpec().getWorkerPoolSpecs()[replica.pool]))
    out.put(wire::str(variable.getName()), expand(wire::view(variable.getValue()), value_of));
  for (const auto& variable : platform.list()) {
    auto equals = variable.find('=');
    out.put(variable.substr(0, equals), variable.substr(equals + 1));
  }
  put_python_path(out, settings, paths);
  return out;
}

} // namespace troupe::runtime
