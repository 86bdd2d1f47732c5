// The queue at work. Jobs are placed in submit order; one that does not fit now lets smaller ones
// behind it pass, but not for ever: once the first one that could run has waited ten minutes, the
// nodes that it could use take nobody else.
#include "core/cluster/engine.hpp"
#include "core/scheduler/reasons.hpp"

#include <algorithm>

namespace troupe::core {

namespace {

constexpr int64_t patience_micros = 600'000'000;

/// So many jobs at the head of the queue are told their exact place; the rest are told that it is
/// further back. Telling all of them would rewrite ten thousand records each time one leaves.
constexpr size_t explained_max = 8;

capacity capacity_of(const node& n, bool empty) {
  capacity free{n.total, uint64_t{n.port_last} - n.port_first + 1, true};
  if (empty) return free;
  // A node that came back smaller may hold more than it has.
  auto rest = [](auto all, auto used) { return all > used ? all - used : 0; };
  free.free.cpu_millis = rest(n.total.cpu_millis, n.used.cpu_millis);
  free.free.memory_bytes = rest(n.total.memory_bytes, n.used.memory_bytes);
  free.free.gpus = rest(n.total.gpus, n.used.gpus);
  free.ports = rest(free.ports, n.ports.size());
  free.open = n.open();
  return free;
}

} // namespace

void engine::enqueue(custom_job& job) {
  if (job.unplaceable.empty())
    queue_.add(job.id, shape_of(job.pools), job.pools);
  else
    queue_.add(job.id, "unplaceable: " + job.unplaceable, {});
  new_in_queue_.insert(job.id);
  queued_ = books_changed_ = true;
}

void engine::dequeue(custom_job& job) {
  if (!queue_.remove(job.id)) return;
  explained_.erase(job.id);
  new_in_queue_.erase(job.id);
  // It may have been what the jobs behind it had to wait for.
  grown_ = books_changed_ = true;
}

std::vector<bool> engine::eligible(const std::vector<pool_demand>& pools,
                                   const std::vector<node*>& all) const {
  std::vector<bool> usable;
  for (const node* n : all)
    usable.push_back(std::ranges::any_of(
        pools, [&](const pool_demand& demand) { return fits(demand.each, n->total); }));
  return usable;
}

void engine::place_queued() {
  if (!grown_ && !queued_) return;
  if (std::exchange(grown_, false)) queue_.unblock();
  queued_ = false;

  std::vector<node*> all;
  std::vector<capacity> capacities, empty;
  for (auto& [name, n] : nodes_) {
    all.push_back(&n);
    capacities.push_back(capacity_of(n, false));
    empty.push_back(capacity_of(n, true));
  }
  std::map<uint64_t, job_queue::shape*> heads; // the first waiting job of each shape
  for (auto& [name, group] : queue_.shapes())
    if (!group.pools.empty()) heads.emplace(*group.jobs.begin(), &group);

  bool reserved = false;
  while (!heads.empty()) {
    auto [id, group] = *heads.begin();
    heads.erase(heads.begin());
    custom_job& job = jobs_.at(id);
    std::optional<std::vector<assignment>> assignments;
    if (!group->blocked) assignments = place(group->pools, capacities);
    if (!assignments) {
      group->blocked = true;
      if (!reserved && now_ - job.create_micros > patience_micros && place(group->pools, empty)) {
        reserved = true;
        std::vector<bool> its = eligible(group->pools, all);
        for (size_t i = 0; i < capacities.size(); ++i)
          if (its[i]) capacities[i].open = false;
      }
      continue;
    }
    auto next = std::next(group->jobs.begin());
    if (next != group->jobs.end()) heads.emplace(*next, group);
    queue_.remove(id);
    explained_.erase(id);
    new_in_queue_.erase(id);
    start_attempt(job, *assignments, all);
    for (const assignment& s : *assignments) {
      bool open = capacities[s.node].open;
      capacities[s.node] = capacity_of(*all[s.node], false);
      capacities[s.node].open = open;
    }
  }
}

uint16_t engine::pick_port(const node& n, const custom_job& job, uint32_t pool,
                           uint32_t index) const {
  // From a different start for each attempt, so that a port just freed, which the kernel may still
  // hold, is not the next one taken. Computed, not remembered, so that a replay picks the same.
  uint32_t size = uint32_t{n.port_last} - n.port_first + 1;
  uint64_t start = job.id * 31 + job.attempt * 7 + pool * 3 + index;
  for (uint32_t i = 0; i < size; ++i) {
    auto port = static_cast<uint16_t>(n.port_first + (start + i) % size);
    if (!n.ports.contains(port)) return port;
  }
  return 0; // place() counts the ports, so this is not reached
}

std::vector<uint16_t> engine::pick_gpus(const node& n, uint32_t count) {
  std::vector<uint16_t> picked;
  // The lowest free ones: neighbours by number are mostly neighbours on the machine's buses too.
  for (uint16_t index = 0; picked.size() < count; ++index)
    if (!n.gpus.contains(index)) picked.push_back(index);
  return picked;
}

void engine::refresh_reasons() {
  if (!std::exchange(books_changed_, false)) return;
  std::set<uint64_t> due = std::exchange(new_in_queue_, {});
  due.merge(explained_);
  explained_.clear();
  bool everyone = std::exchange(totals_changed_, false);
  size_t ahead = 0;
  for (const auto& [id, shape] : queue_.jobs()) {
    if (ahead >= explained_max && !everyone) break;
    explain(jobs_.at(id), ahead);
    if (ahead < explained_max) explained_.insert(id);
    due.erase(id);
    ++ahead;
  }
  for (uint64_t id : due)
    if (queue_.contains(id)) explain(jobs_.at(id), explained_max);
}

void engine::explain(custom_job& job, size_t ahead) {
  if (!job.unplaceable.empty()) return explain(job, "cannot be placed: " + job.unplaceable);
  std::vector<node_view> views;
  for (const auto& [name, n] : nodes_)
    views.push_back({name, n.total, capacity_of(n, false), n.connected});
  explain(job, waiting_reason(job.pools, views, ahead, explained_max));
}

} // namespace troupe::core
