#include "tests/sim/sim_agent.hpp"

#include "tests/sim/sim_world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::sim {

using wire::ReplicaPhase;

namespace {

void set_status(wire::ReplicaStatus::Builder status, const replica_key& key, const sim_replica& r) {
  auto id = status.initId();
  id.setJobId(std::get<0>(key));
  id.setAttempt(std::get<1>(key));
  id.setPool(std::get<2>(key));
  id.setIndex(std::get<3>(key));
  id.setIncarnation(r.incarnation);
  status.setPhase(r.phase);
  status.setExitCode(r.code);
  status.setSignal(r.signal);
}

/// "custom-2-1024" asks for 2000
uint64_t cpu_millis_of(wire::WorkerPoolSpec::Reader pool) {
  std::string type = wire::str(pool.getMachineSpec().getMachineType());
  return std::stoull(type.substr(type.find('-') + 1)) * 1000;
}

} // namespace

size_t sim_agent::live_replicas() const {
  return static_cast<size_t>(
      std::ranges::count_if(replicas_, [](const auto& r) { return r.second.live(); }));
}

wire::frame<wire::Event> sim_agent::hello(int64_t now) const {
  return wire::frame<wire::Event>::build([&](wire::Event::Builder event) {
    event.setAtMicros(now);
    auto hello = event.initNodeUp();
    hello.setName(wire::text(name_));
    hello.setAddress(wire::text(name_));
    hello.setBootId(wire::text(fmt::format("boot-{}", boots_)));
    hello.setAgentEpoch(epoch_);
    hello.setClusterId(wire::text(cluster_id_));
    hello.setPortFirst(20000);
    hello.setPortLast(static_cast<uint16_t>(20000 + ports_ - 1));
    hello.initResources().setCpuMillis(cpus_ * 1000);
    hello.getResources().setMemoryBytes(uint64_t{1} << 40);
    auto list = hello.initReplicas(static_cast<uint32_t>(replicas_.size()));
    uint32_t i = 0;
    for (const auto& [key, r] : replicas_)
      set_status(list[i++], key, r);
  });
}

void sim_agent::connect() {
  if (linked_) return;
  if (!world_.controller_up()) {
    world_.after(world_.dice().between(1, 3) * second, [this] { connect(); });
    return;
  }
  linked_ = true;
  ++session_;
  world_.arrive(*this);
}

void sim_agent::disconnect() {
  if (!linked_) return;
  linked_ = false;
  world_.link_lost(*this, session_);
}

void sim_agent::restart_agent() {
  disconnect();
  ++epoch_;
}

void sim_agent::reboot() {
  disconnect();
  ++epoch_;
  ++boots_;
  // What had ended is on disk; what ran is gone.
  std::erase_if(replicas_, [](const auto& r) { return r.second.live(); });
}

void sim_agent::welcome(const std::string& cluster_id, uint64_t epoch) {
  cluster_id_ = cluster_id;
  controller_epoch_ = std::max(controller_epoch_, epoch);
}

void sim_agent::obey(wire::Order::Reader order) {
  if (order.getEpoch() < controller_epoch_) return;
  switch (order.which()) {
  case wire::Order::LAUNCH:
    launch(order.getLaunch());
    break;
  case wire::Order::STOP:
    stop(order.getStop());
    break;
  case wire::Order::FORGET:
    forget(order.getForget());
    break;
  case wire::Order::PURGE:
    forget(order.getPurge());
    break;
  }
  check();
}

void sim_agent::launch(wire::Launch::Reader launch) {
  for (auto id : launch.getReplicas()) {
    replica_key key{id.getJobId(), id.getAttempt(), id.getPool(), id.getIndex()};
    auto found = replicas_.find(key);
    if (found != replicas_.end() && found->second.incarnation >= id.getIncarnation()) continue;
    if (found != replicas_.end() && found->second.live())
      throw violation(fmt::format("node {}: job {} restarted while it runs", name_, id.getJobId()));
    sim_replica r;
    r.incarnation = id.getIncarnation();
    r.cpu_millis = cpu_millis_of(launch.getSpec().getWorkerPoolSpecs()[id.getPool()]);
    r.port = launch.getPools()[id.getPool()].getEndpoints()[id.getIndex()].getPort();
    r.measured = launch.getMetricTags().size() > 0 && id.getPool() == 0;
    r.life = ++lives_;
    replicas_[key] = r;
    uint64_t life = r.life;
    world_.after(world_.dice().between(0, 3 * second), [this, key, life] { begin(key, life); });
  }
}

void sim_agent::begin(replica_key key, uint64_t life) {
  auto found = replicas_.find(key);
  if (found == replicas_.end() || found->second.life != life || !found->second.live()) return;
  chance& dice = world_.dice();
  if (dice.percent(3)) {
    found->second.phase = ReplicaPhase::FAILED;
    return report(key);
  }
  found->second.phase = ReplicaPhase::RUNNING;
  report(key);
  if (found->second.measured) measure(key, life, 0);
  if (world_.runs_for_ever(std::get<0>(key)) || (std::get<2>(key) > 0 && dice.percent(50))) return;
  int64_t fate = dice.below(100);
  int32_t code = fate >= 90 ? 1 : 0;
  int32_t signal = fate >= 80 && fate < 90 ? 11 : 0;
  world_.after(dice.between(0, 30 * second), [=, this] { end(key, life, code, signal); });
}

void sim_agent::end(replica_key key, uint64_t life, int32_t code, int32_t signal) {
  auto found = replicas_.find(key);
  if (found == replicas_.end() || found->second.life != life || !found->second.live()) return;
  found->second.phase = ReplicaPhase::EXITED;
  found->second.code = code;
  found->second.signal = signal;
  report(key);
}

void sim_agent::stop(wire::Stop::Reader stop) {
  for (auto& [key, r] : replicas_) {
    if (std::get<0>(key) != stop.getJobId() || std::get<1>(key) != stop.getAttempt() || !r.live()
        || r.stopping)
      continue;
    bool named = stop.getReplicas().size() == 0;
    for (auto id : stop.getReplicas())
      named |= id.getPool() == std::get<2>(key) && id.getIndex() == std::get<3>(key);
    if (!named) continue;
    r.stopping = true;
    chance& dice = world_.dice();
    // A few cannot be killed for minutes (a process in the kernel's D state).
    int64_t delay =
        dice.percent(2) && !world_.peace() ? 200 * second : dice.between(0, 30 * second);
    world_.after(delay, [this, key = key, life = r.life] { end(key, life, 0, 15); });
  }
}

void sim_agent::forget(wire::AttemptRef::Reader ref) {
  std::erase_if(replicas_, [&](const auto& entry) {
    const auto& [key, r] = entry;
    if (std::get<0>(key) != ref.getJobId() || std::get<1>(key) != ref.getAttempt()) return false;
    if (r.live())
      throw violation(
          fmt::format("node {}: told to forget job {} attempt {} while workerpool{}-{} runs", name_,
                      ref.getJobId(), ref.getAttempt(), std::get<2>(key), std::get<3>(key)));
    return true;
  });
}

void sim_agent::report(replica_key key) {
  if (!linked_) return;
  const sim_replica& r = replicas_.at(key);
  auto message = wire::frame<wire::Event>::build([&](wire::Event::Builder event) {
    auto report = event.initReport();
    report.setNode(wire::text(name_));
    report.setBootId(wire::text(fmt::format("boot-{}", boots_)));
    report.setAgentEpoch(epoch_);
    set_status(report.initReplica(), key, r);
  });
  world_.deliver(*this, message);
  if (world_.dice().percent(5)) world_.deliver(*this, message);
}

void sim_agent::measure(replica_key key, uint64_t life, int64_t step) {
  auto found = replicas_.find(key);
  if (found == replicas_.end() || found->second.life != life || !found->second.live() || step > 3)
    return;
  if (linked_)
    world_.deliver(*this, wire::frame<wire::Event>::build([&](wire::Event::Builder event) {
      auto report = event.initReport();
      report.setNode(wire::text(name_));
      report.setBootId(wire::text(fmt::format("boot-{}", boots_)));
      report.setAgentEpoch(epoch_);
      auto metrics = report.initMetrics();
      metrics.setJobId(std::get<0>(key));
      metrics.setAttempt(std::get<1>(key));
      auto points = metrics.initPoints(1);
      points[0].setTag("score");
      points[0].setValue(static_cast<double>(world_.dice().below(1000)));
      points[0].setStep(step);
      points[0].setTimestampMicros(world_.now());
    }));
  world_.after(second, [=, this] { measure(key, life, step + 1); });
}

/// I2, seen from the machine.
void sim_agent::check() const {
  uint64_t millis = 0;
  std::set<uint16_t> ports;
  for (const auto& [key, r] : replicas_) {
    if (!r.live()) continue;
    millis += r.cpu_millis;
    if (!ports.insert(r.port).second)
      throw violation(fmt::format("I2: two live replicas on port {} of node {}", r.port, name_));
  }
  if (millis > cpus_ * 1000)
    throw violation(
        fmt::format("I2: node {} runs {} millicpus of {}", name_, millis, cpus_ * 1000));
}

} // namespace troupe::sim
