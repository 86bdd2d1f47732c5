#include "actors/node_ledger.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::actors {

namespace {

// A trial's measurements beyond this many reports are dropped, oldest first: the controller keeps
// no more either.
constexpr size_t metric_reports_max = 1000;

} // namespace

void attempt_ledger::announce(wire::Launch::Reader launch) {
  std::lock_guard lock(mutex_);
  for (auto id : launch.getReplicas())
    replicas_.try_emplace(
        {id.getPool(), id.getIndex(), id.getIncarnation()},
        wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder status) {
          status.setId(id);
          status.setPhase(wire::ReplicaPhase::LAUNCHING);
        }));
}

void attempt_ledger::note(const wire::frame<wire::ReplicaStatus>& status) {
  const auto id = status->getId();
  const replica_key key{id.getPool(), id.getIndex(), id.getIncarnation()};
  std::lock_guard lock(mutex_);
  auto known = replicas_.find(key);
  // An end is final, whatever arrives late.
  if (known != replicas_.end() && !wire::is_live(known->second->getPhase())) return;
  replicas_.insert_or_assign(key, status);
}

void attempt_ledger::note(const wire::frame<wire::MetricReport>& metrics) {
  std::lock_guard lock(mutex_);
  metrics_.push_back(metrics);
  if (metrics_.size() > metric_reports_max)
    metrics_.erase(metrics_.begin(), metrics_.end() - metric_reports_max);
}

std::vector<wire::frame<wire::ReplicaStatus>> attempt_ledger::statuses() const {
  std::lock_guard lock(mutex_);
  std::vector<wire::frame<wire::ReplicaStatus>> found;
  for (const auto& [key, status] : replicas_)
    found.push_back(status);
  return found;
}

std::vector<wire::frame<wire::MetricReport>> attempt_ledger::metrics() const {
  std::lock_guard lock(mutex_);
  return metrics_;
}

size_t attempt_ledger::live() const {
  std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::ranges::count_if(
      replicas_, [](const auto& replica) { return wire::is_live(replica.second->getPhase()); }));
}

std::shared_ptr<attempt_ledger> node_ledger::attempt(attempt_key key) {
  std::lock_guard lock(mutex_);
  auto& part = attempts_[key];
  if (!part) part = std::make_shared<attempt_ledger>();
  return part;
}

void node_ledger::forget(attempt_key key) {
  std::lock_guard lock(mutex_);
  attempts_.erase(key);
}

void node_ledger::serve(std::string cluster_id) {
  std::lock_guard lock(mutex_);
  cluster_id_ = std::move(cluster_id);
}

wire::frame<wire::NodeHello> node_ledger::hello() const {
  std::vector<wire::frame<wire::ReplicaStatus>> replicas;
  std::vector<wire::frame<wire::MetricReport>> measured;
  for (const auto& part : parts()) {
    // In this order: the hello of an ended replica must hold all that it measured.
    std::ranges::copy(part->statuses(), std::back_inserter(replicas));
    std::ranges::copy(part->metrics(), std::back_inserter(measured));
  }
  std::lock_guard lock(mutex_);
  return wire::frame<wire::NodeHello>::build([&](wire::NodeHello::Builder hello) {
    hello.setName(identity_.name);
    hello.setAddress(identity_.address);
    hello.setBootId(identity_.boot_id);
    hello.setAgentEpoch(identity_.agent_epoch);
    auto resources = hello.initResources();
    resources.setCpuMillis(identity_.cpu_millis);
    resources.setMemoryBytes(identity_.memory_bytes);
    resources.setGpus(identity_.gpus);
    resources.setGpuType(identity_.gpu_type);
    hello.setPortFirst(identity_.port_first);
    hello.setPortLast(identity_.port_last);
    hello.setVersion(identity_.version);
    hello.setClusterId(cluster_id_);
    auto list = hello.initReplicas(static_cast<unsigned>(replicas.size()));
    for (unsigned at = 0; at < replicas.size(); ++at)
      list.setWithCaveats(at, *replicas[at]);
    auto metric_list = hello.initMetrics(static_cast<unsigned>(measured.size()));
    for (unsigned at = 0; at < measured.size(); ++at)
      metric_list.setWithCaveats(at, *measured[at]);
  });
}

size_t node_ledger::live() const {
  size_t count = 0;
  for (const auto& part : parts())
    count += part->live();
  return count;
}

std::vector<node_ledger::attempt_key> node_ledger::attempts() const {
  std::lock_guard lock(mutex_);
  std::vector<attempt_key> found;
  for (const auto& [key, part] : attempts_)
    found.push_back(key);
  return found;
}

std::vector<std::shared_ptr<attempt_ledger>> node_ledger::parts() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<attempt_ledger>> found;
  for (const auto& [key, part] : attempts_)
    found.push_back(part);
  return found;
}

} // namespace troupe::actors
