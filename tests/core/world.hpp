// A cluster with its store and a clock set by hand, and short words for what users and nodes say to
// it. Every step commits what it wrote and checks the invariants.
#pragma once

#include "core/cluster/cluster.hpp"
#include "store/store.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace troupe::test {

using wire::JobState;
using wire::ReplicaPhase;

struct pool_wish {
  int64_t count = 1;
  std::string machine = "custom-1-1024";
  uint32_t gpus = 0;
  wire::AcceleratorType gpu_type = wire::AcceleratorType::L4;
  std::string image = "host";
};

struct job_wish {
  std::string name = "job";
  std::vector<pool_wish> pools = {{}};
  bool disable_retries = false;
  bool restart_all = false;
  int64_t timeout_s = 0;
  wire::Scheduling::Strategy strategy = wire::Scheduling::Strategy::UNSPECIFIED;
  int64_t max_wait_s = -1;
  std::string output;
};

inline void fill_spec(wire::CustomJobSpec::Builder spec, const job_wish& wish) {
  auto pools = spec.initWorkerPoolSpecs(static_cast<uint32_t>(wish.pools.size()));
  for (uint32_t i = 0; i < pools.size(); ++i) {
    const pool_wish& pool = wish.pools[i];
    if (pool.count == 0) continue;
    pools[i].setReplicaCount(pool.count);
    auto machine = pools[i].initMachineSpec();
    machine.setMachineType(wire::text(pool.machine));
    if (pool.gpus > 0) {
      machine.setAcceleratorCount(static_cast<int32_t>(pool.gpus));
      machine.setAcceleratorType(pool.gpu_type);
    }
    auto container = pools[i].initContainerSpec();
    container.setImageUri(wire::text(pool.image));
    if (pool.image != "host") continue; // reducers bring their own
    container.initCommand(1).set(0, "true");
    container.initArgs(1).set(0, "--first");
  }
  auto scheduling = spec.initScheduling();
  scheduling.setDisableRetries(wish.disable_retries);
  scheduling.setRestartJobOnWorkerRestart(wish.restart_all);
  scheduling.setStrategy(wish.strategy);
  if (wish.timeout_s != 0) scheduling.initTimeout().setMicros(wish.timeout_s * 1'000'000);
  if (wish.max_wait_s >= 0) scheduling.initMaxWaitDuration().setMicros(wish.max_wait_s * 1'000'000);
  if (!wish.output.empty())
    spec.initBaseOutputDirectory().setOutputUriPrefix(wire::text(wish.output));
}

struct node_wish {
  std::string name = "a";
  uint64_t cpus = 4;
  uint64_t memory_gib = 64;
  uint32_t gpus = 0;
  wire::AcceleratorType gpu_type = wire::AcceleratorType::L4;
  uint16_t ports = 100;
  std::string boot = "boot-1";
  uint64_t agent_epoch = 1;
  std::string cluster_id;
};

struct replica_word {
  uint64_t job = 0;
  uint32_t attempt = 1;
  uint32_t pool = 0;
  uint32_t index = 0;
  uint32_t incarnation = 0;
  ReplicaPhase phase = ReplicaPhase::RUNNING;
  int32_t code = 0;
  int32_t signal = 0;
  std::string message;
  bool oom = false;
  bool permanent = false;
};

inline void fill_status(wire::ReplicaStatus::Builder status, const replica_word& word) {
  auto id = status.initId();
  id.setJobId(word.job);
  id.setAttempt(word.attempt);
  id.setPool(word.pool);
  id.setIndex(word.index);
  id.setIncarnation(word.incarnation);
  status.setPhase(word.phase);
  status.setExitCode(word.code);
  status.setSignal(word.signal);
  status.setMessage(wire::text(word.message));
  status.setOutOfMemory(word.oom);
  status.setPermanent(word.permanent);
}

class world {
public:
  explicit world(core::settings with = {})
      : settings(with), db(store::in_memory()),
        cluster(std::make_unique<core::cluster>(with, "c0ffee")) {}

  template <class Fill>
  core::effects& step(Fill&& fill) {
    auto event = wire::frame<wire::Event>::build([&](wire::Event::Builder builder) {
      builder.setAtMicros(now);
      builder.setRequest(++request);
      builder.setSecret("s3cret");
      fill(builder);
    });
    last = cluster->on(event);
    settle();
    return last;
  }

  void settle() {
    REQUIRE(db->commit(last.writes));
    CHECK_MESSAGE(!cluster->violated_invariant(), cluster->violated_invariant().value_or(""));
    orders.insert(orders.end(), last.orders.begin(), last.orders.end());
  }

  core::scanner scanner() const {
    return [this](store::family where, const auto& visit) {
      return db->scan(where, "", false, visit);
    };
  }

  /// The controller dies and another takes over.
  void restart() {
    auto recovered = core::cluster::recover(settings, "fresh", instant_of(now), scanner());
    REQUIRE_MESSAGE(recovered, (recovered ? "" : recovered.error().message));
    cluster = std::move(recovered->first);
    last = std::move(recovered->second);
    settle();
  }

  void pass(int64_t seconds) {
    now += seconds * 1'000'000;
    step([](wire::Event::Builder event) { event.setTick(); });
  }

  // -- users --

  uint64_t submit(const job_wish& wish = {}) {
    step([&](wire::Event::Builder event) {
      auto command = in_project(event);
      auto job = command.initCreateCustomJob();
      job.setDisplayName(wire::text(wish.name));
      fill_spec(job.initJobSpec(), wish);
    });
    REQUIRE(last.replies.size() == 1);
    REQUIRE_MESSAGE(last.replies[0].outcome->isCustomJob(), reply_error());
    return id_of(wire::str(last.replies[0].outcome->getCustomJob().getName()));
  }
  void cancel(uint64_t job) {
    step([&](wire::Event::Builder event) { in_project(event).setCancelCustomJob(job); });
  }
  void remove(uint64_t job) {
    step([&](wire::Event::Builder event) { in_project(event).setDeleteCustomJob(job); });
  }
  static wire::Command::Builder in_project(wire::Event::Builder event) {
    auto command = event.initCommand();
    command.setProject("p");
    command.setLocation("l");
    return command;
  }
  static uint64_t id_of(const std::string& name) {
    return std::stoull(name.substr(name.rfind('/') + 1));
  }

  // -- nodes --

  core::effects& hello(const node_wish& wish = {}, const std::vector<replica_word>& replicas = {}) {
    nodes[wish.name] = wish;
    return step([&](wire::Event::Builder event) {
      auto hello = event.initNodeUp();
      hello.setName(wire::text(wish.name));
      hello.setAddress(wire::text("10.0.0." + wish.name));
      hello.setBootId(wire::text(wish.boot));
      hello.setAgentEpoch(wish.agent_epoch);
      hello.setClusterId(wire::text(wish.cluster_id));
      hello.setPortFirst(20000);
      hello.setPortLast(static_cast<uint16_t>(20000 + wish.ports - 1));
      auto resources = hello.initResources();
      resources.setCpuMillis(wish.cpus * 1000);
      resources.setMemoryBytes(wish.memory_gib << 30);
      resources.setGpus(wish.gpus);
      if (wish.gpus > 0) resources.setGpuType(wish.gpu_type);
      auto list = hello.initReplicas(static_cast<uint32_t>(replicas.size()));
      for (uint32_t i = 0; i < list.size(); ++i)
        fill_status(list[i], replicas[i]);
    });
  }
  core::effects& down(const std::string& name) {
    return step([&](wire::Event::Builder event) {
      auto down = event.initNodeDown();
      down.setName(wire::text(name));
      down.setAgentEpoch(nodes.at(name).agent_epoch);
      down.setReason("link closed");
    });
  }
  core::effects& say(const std::string& node, const replica_word& word) {
    return step(
        [&](wire::Event::Builder event) { fill_status(report(event, node).initReplica(), word); });
  }
  wire::Report::Builder report(wire::Event::Builder event, const std::string& node) {
    auto report = event.initReport();
    report.setNode(wire::text(node));
    report.setBootId(wire::text(nodes.at(node).boot));
    report.setAgentEpoch(nodes.at(node).agent_epoch);
    return report;
  }
  void running(uint64_t job, const std::string& node = "a") { say(node, {.job = job}); }
  void exits(uint64_t job, int32_t code, const std::string& node = "a") {
    say(node, {.job = job, .phase = ReplicaPhase::EXITED, .code = code});
  }

  // -- what became of it --

  template <class T>
  std::optional<wire::frame<T>> stored(store::family where, uint64_t id) const {
    auto value = db->read(where, store::key_of(id));
    REQUIRE(value);
    if (!*value) return std::nullopt;
    auto parsed = wire::frame<T>::parse(**value);
    REQUIRE(parsed);
    return *parsed;
  }
  wire::frame<wire::CustomJob> job(uint64_t id) const {
    auto found = stored<wire::CustomJob>(store::family::custom_jobs, id);
    REQUIRE(found);
    return *found;
  }
  wire::frame<wire::AttemptRecord> attempt(uint64_t id) const {
    auto found = stored<wire::AttemptRecord>(store::family::attempts, id);
    REQUIRE(found);
    return *found;
  }
  /// Of a study or a tuning job, in order.
  std::vector<wire::frame<wire::Trial>> trials(uint64_t id) const {
    std::vector<wire::frame<wire::Trial>> all;
    REQUIRE(db->scan(store::family::trials, store::key_of(id) + "/", false, [&](auto key, auto v) {
      if (!key.starts_with(store::key_of(id))) return false;
      all.push_back(*wire::frame<wire::Trial>::parse(v));
      return true;
    }));
    return all;
  }
  JobState state(uint64_t id) const { return job(id)->getState(); }
  std::string reason(uint64_t id) const { return wire::str(attempt(id)->getReason()); }
  std::string error(uint64_t id) const { return wire::str(job(id)->getError().getMessage()); }
  wire::frame<wire::NodeRecord> node(const std::string& name) const {
    auto value = db->read(store::family::nodes, name);
    REQUIRE(value);
    REQUIRE(*value);
    return *wire::frame<wire::NodeRecord>::parse(**value);
  }
  std::vector<std::string> service_logs(uint64_t id) const {
    std::vector<std::string> lines;
    REQUIRE(
        db->scan(store::family::service_logs, store::key_of(id), false, [&](auto key, auto value) {
          if (!key.starts_with(store::key_of(id))) return false;
          lines.push_back(wire::str((*wire::frame<wire::ServiceLog>::parse(value))->getMessage()));
          return true;
        }));
    return lines;
  }
  std::string reply_error() const {
    if (last.replies.empty() || !last.replies[0].outcome->isError()) return "";
    return wire::str(last.replies[0].outcome->getError().getMessage());
  }
  int32_t reply_code() const {
    if (last.replies.size() != 1 || !last.replies[0].outcome->isError()) return 0;
    return last.replies[0].outcome->getError().getCode();
  }
  /// The last step's orders of a kind, for a node (all if empty).
  std::vector<wire::Order::Reader> sent(wire::Order::Which kind,
                                        const std::string& node = "") const {
    std::vector<wire::Order::Reader> found;
    for (const core::order& order : last.orders)
      if (order.message->which() == kind && (node.empty() || order.node == node))
        found.push_back(*order.message);
    return found;
  }
  size_t count_sent(wire::Order::Which kind, const std::string& node = "") const {
    return sent(kind, node).size();
  }

  core::settings settings;
  std::unique_ptr<store::database> db;
  std::unique_ptr<core::cluster> cluster;
  int64_t now = 1'000'000'000'000'000;
  uint64_t request = 0;
  core::effects last;
  std::vector<core::order> orders;
  std::map<std::string, node_wish> nodes;
};

} // namespace troupe::test
