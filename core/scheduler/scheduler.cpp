#include "core/scheduler/scheduler.hpp"

#include "core/scheduler/reasons.hpp"

#include <utility>

namespace troupe::core {

namespace {

/// So many jobs at the head of the queue are told their exact place; the rest are told that it is
/// further back. Telling all of them would rewrite ten thousand records each time one leaves.
constexpr size_t explained_max = 8;

capacity whole_of(const node& n) {
  return {n.total, uint64_t{n.port_last} - n.port_first + 1, true};
}

capacity rest_of(const node& n) {
  capacity left = whole_of(n);
  // A node that came back smaller may hold more than it has.
  auto rest = [](auto total, auto used) { return total > used ? total - used : 0; };
  left.free.cpu_millis = rest(n.total.cpu_millis, n.used.cpu_millis);
  left.free.memory_bytes = rest(n.total.memory_bytes, n.used.memory_bytes);
  left.free.gpus = rest(n.total.gpus, n.used.gpus);
  left.ports = rest(left.ports, n.ports.size());
  left.open = n.open();
  return left;
}

} // namespace

void scheduler::enqueue(const custom_job& job) {
  if (job.unplaceable.empty())
    queue_.add(job.id, shape_of(job.pools), job.pools);
  else
    queue_.add(job.id, "unplaceable: " + job.unplaceable, {});
  new_in_queue_.insert(job.id);
  queued_ = books_changed_ = true;
}

void scheduler::dequeue(const custom_job& job) {
  if (!queue_.contains(job.id)) return;
  leave(job.id);
  // It may have been what the jobs behind it had to wait for.
  freed();
}

void scheduler::leave(uint64_t job) {
  queue_.remove(job);
  explained_.erase(job);
  new_in_queue_.erase(job);
}

std::vector<placed_job> scheduler::next_placements() {
  if (!freed_ && !queued_) return {};
  if (std::exchange(freed_, false)) queue_.unblock();
  queued_ = false;
  plan_view view{.free = {},
                 .total = {},
                 .create_micros = [&](uint64_t id) { return state_.jobs.at(id).create_micros; },
                 .now_micros = state_.now};
  std::vector<const node*> nodes;
  for (const auto& [name, n] : state_.nodes) {
    nodes.push_back(&n);
    view.free.push_back(rest_of(n));
    view.total.push_back(whole_of(n));
  }
  std::vector<placed_job> placed;
  for (const placement& planned : plan(queue_, std::move(view))) {
    leave(planned.job);
    books_changed_ = true;
    placed.push_back({planned.job, {}});
    for (const assignment& a : planned.assignments)
      placed.back().replicas.push_back({a.pool, a.index, nodes[a.node]->name});
  }
  return placed;
}

void scheduler::refresh_reasons() {
  if (!std::exchange(books_changed_, false)) return;
  std::set<uint64_t> due = std::exchange(new_in_queue_, {});
  due.merge(explained_);
  explained_.clear();
  bool everyone = std::exchange(totals_changed_, false);
  size_t ahead = 0;
  for (const auto& [id, shape] : queue_.jobs()) {
    if (ahead >= explained_max && !everyone) break;
    explain(state_.jobs.at(id), ahead);
    if (ahead < explained_max) explained_.insert(id);
    due.erase(id);
    ++ahead;
  }
  for (uint64_t id : due)
    if (queue_.contains(id)) explain(state_.jobs.at(id), explained_max);
}

void scheduler::explain(custom_job& job, size_t ahead) {
  if (!job.unplaceable.empty()) return out_.explain(job, "cannot be placed: " + job.unplaceable);
  std::vector<node_view> views;
  for (const auto& [name, n] : state_.nodes)
    views.push_back({name, n.total, rest_of(n), n.connected});
  out_.explain(job, waiting_reason(job.pools, views, ahead, explained_max));
}

} // namespace troupe::core
