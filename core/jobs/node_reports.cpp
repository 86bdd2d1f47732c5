#include "core/jobs/node_reports.hpp"

#include "wire/lifecycle.hpp"

#include <fmt/format.h>

namespace troupe::core {

using wire::ReplicaPhase;

// -- hello --

void node_reports::reconcile(node& n, wire::NodeHello::Reader hello, bool new_boot) {
  std::set<unexpected_replica> named;
  for (auto status : hello.getReplicas()) {
    named.insert(unexpected_replica_of(status.getId()));
    // Before anything is forgotten, it must be known what still runs.
    const replica* r = expected(n, status.getId()).second;
    if (wire::is_live(status.getPhase()) && (!r || r->ended())) unexpected(n, status, true);
  }
  for (uint64_t id : std::set(state_.active))
    reconcile_job(state_.jobs.at(id), n, named, new_boot);
  for (auto status : hello.getReplicas())
    apply(n, status, true);
  for (uint64_t id : state_.active) {
    const custom_job& job = state_.jobs.at(id);
    if (job.stopping() && job.lives_on(n.name)) attempts_.order_stop(job, n);
  }
  if (nodes_.lift_quarantine(n.name)) scheduler_.freed();
}

/// What the node should run and does not name: it never began, or it is lost.
void node_reports::reconcile_job(custom_job& job, node& n,
                                 const std::set<unexpected_replica>& named, bool new_boot) {
  std::vector<replica*> unstarted;
  // By index: losing one may end the attempt, and with it the list.
  for (size_t i = 0; i < job.replicas.size(); ++i) {
    replica& r = job.replicas[i];
    if (r.node != n.name || r.ended()
        || named.contains({job.id, job.attempt, r.pool, r.index, r.incarnation}))
      continue;
    if (r.phase == ReplicaPhase::LAUNCHING && !job.stopping())
      unstarted.push_back(&r);
    else
      attempts_.lose(job, r,
                     new_boot ? fmt::format("node {} restarted", n.name)
                              : fmt::format("node {} no longer knows it", n.name));
  }
  // The loss of one may have ended the attempt: then the others are not started again.
  if (job.stopping()) {
    for (replica* r : unstarted) {
      if (job.replicas.empty()) break;
      attempts_.lose(job, *r, fmt::format("node {} never started it", n.name));
    }
    return;
  }
  if (!unstarted.empty()) attempts_.order_launch(job, unstarted);
}

// -- reports --

void node_reports::report(node& n, wire::ReplicaStatus::Reader status) { apply(n, status, false); }

std::pair<custom_job*, replica*> node_reports::expected(const node& n, wire::ReplicaId::Reader id) {
  auto found = state_.jobs.find(id.getJobId());
  if (found == state_.jobs.end()) return {nullptr, nullptr};
  custom_job& job = found->second;
  if (job.attempt != id.getAttempt()) return {&job, nullptr};
  for (replica& r : job.replicas)
    if (r.pool == id.getPool() && r.index == id.getIndex())
      return {&job, r.node == n.name && r.incarnation == id.getIncarnation() ? &r : nullptr};
  return {&job, nullptr};
}

void node_reports::apply(node& n, wire::ReplicaStatus::Reader status, bool in_hello) {
  auto [job, r] = expected(n, status.getId());
  if (!r || (r->ended() && (in_hello || !wire::is_live(status.getPhase()))))
    return unexpected(n, status, in_hello);
  attempts_.apply(*job, *r, status);
}

/// The replica is not expected on the node, or its end is known already.
void node_reports::unexpected(node& n, wire::ReplicaStatus::Reader status, bool in_hello) {
  const auto id = status.getId();
  if (wire::is_live(status.getPhase())) {
    // Outside a hello it is an old message about a replica whose end is known; the node itself
    // knows better.
    if (!in_hello || !nodes_.add_unexpected(n, id)) return;
    scheduler_.books_changed();
    out_.send(n, [&](wire::Order::Builder order) {
      auto stop = order.initStop();
      stop.setJobId(id.getJobId());
      stop.setAttempt(id.getAttempt());
      stop.setGraceMs(static_cast<uint32_t>(state_.settings.termination_grace.count() / 1000));
      stop.initReplicas(1).setWithCaveats(0, id);
    });
    return;
  }
  if (nodes_.remove_unexpected(n, id)) scheduler_.freed();
  auto found = state_.jobs.find(id.getJobId());
  if (found != state_.jobs.end() && found->second.attempt == id.getAttempt())
    return attempts_.forget(found->second, n.name);
  // Of a job deleted while the node was away: its logs go as well. Numbers never given out are left
  // alone.
  const bool deleted = found == state_.jobs.end() && id.getJobId() >= cluster_state::first_id
                       && id.getJobId() < state_.next_id;
  if (deleted)
    attempts_.send_purge(n, id.getJobId(), id.getAttempt());
  else
    attempts_.send_forget(n, id.getJobId(), id.getAttempt());
}

// -- silence --

void node_reports::disconnected(const node& n, std::string_view reason) {
  for (uint64_t id : state_.active) {
    custom_job& job = state_.jobs.at(id);
    if (job.stopping() || !job.lives_on(n.name)) continue;
    out_.log(job, "WARNING",
             fmt::format("Node {} is disconnected ({}). Its replicas keep running; if it stays "
                         "away for {} s they count as lost.",
                         n.name, reason, state_.settings.node_lost_after.count() / 1'000'000));
  }
}

void node_reports::lost(const node& n, const std::string& why) {
  for (uint64_t id : std::set(state_.active)) {
    custom_job& job = state_.jobs.at(id);
    for (size_t i = 0; i < job.replicas.size(); ++i)
      if (job.replicas[i].node == n.name) attempts_.lose(job, job.replicas[i], why);
  }
}

} // namespace troupe::core
