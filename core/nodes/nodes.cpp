// What nodes say: hello (the whole truth about a node, to be reconciled with what is expected
// there), reports, silence.
#include "core/cluster/engine.hpp"
#include "core/machines/pools.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

using wire::JobState;
using wire::ReplicaPhase;

namespace {

unexpected_replica unexpected_replica_of(wire::ReplicaId::Reader id) {
  return {id.getJobId(), id.getAttempt(), id.getPool(), id.getIndex(), id.getIncarnation()};
}

} // namespace

node* engine::find_node(const std::string& name) {
  auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

/// Why the node may not join; empty if it may.
std::string engine::refusal_of(wire::NodeHello::Reader hello) const {
  std::string name = wire::str(hello.getName());
  if (name.empty() || name.size() > 253)
    return fmt::format(
        "a node's name has 1 to 253 characters, this one {}: set `name` in the agent's config",
        name.size());
  if (hello.getPortFirst() == 0 || hello.getPortFirst() > hello.getPortLast())
    return fmt::format(
        "node {} offers the ports {} to {}; expected a range from 1 to 65535 with its first "
        "not above its last: mend `ports` in the agent's config",
        name, hello.getPortFirst(), hello.getPortLast());
  std::string_view served = wire::view(hello.getClusterId());
  if (!served.empty() && served != cluster_id_) {
    size_t running = 0;
    for (auto status : hello.getReplicas())
      running += wire::is_live(status.getPhase());
    // A controller that lost its store must not kill the training of the cluster that it was.
    if (running > 0)
      return fmt::format("node {} runs {} replicas of cluster {}, and this is cluster {}. Nothing "
                         "was stopped. If this controller's "
                         "state directory was lost or is the wrong one, start it with the right "
                         "one; otherwise stop these replicas, "
                         "then connect the node again",
                         name, running, served, cluster_id_);
  }
  auto known = nodes_.find(name);
  if (known != nodes_.end() && known->second.connected
      && hello.getAgentEpoch() < known->second.agent_epoch)
    return fmt::format(
        "node {} is already connected with a newer agent (epoch {}, this one has {}): two agents "
        "may not share a name; give one another `name` in its config",
        name, known->second.agent_epoch, hello.getAgentEpoch());
  return {};
}

void engine::node_up(wire::NodeHello::Reader hello) {
  std::string name = wire::str(hello.getName());
  if (std::string why = refusal_of(hello); !why.empty()) {
    out_.refusals.push_back({std::move(name), hello.getAgentEpoch(), std::move(why)});
    return;
  }
  auto [found, fresh] = nodes_.try_emplace(name);
  node& n = found->second;
  n.name = name;
  if (n.connected && n.agent_epoch < hello.getAgentEpoch())
    out_.refusals.push_back(
        {name, n.agent_epoch, fmt::format("a newer agent of node {} has connected", name)});
  bool new_boot = !fresh && n.boot_id != wire::view(hello.getBootId());
  amounts total = amounts_of(hello.getResources());
  if (fresh || total != n.total) totals_changed_ = true;
  n.address = wire::str(hello.getAddress());
  n.boot_id = wire::str(hello.getBootId());
  n.version = wire::str(hello.getVersion());
  n.agent_epoch = hello.getAgentEpoch();
  n.total = total;
  amounts used = n.used;
  used.gpu_type = total.gpu_type;
  n.shrunk = !fits(used, total);
  n.port_first = hello.getPortFirst();
  n.port_last = hello.getPortLast();
  n.connected = true;
  n.lost = false;
  n.last_seen_micros = now_;
  n.unexpected.clear();
  changed(n);
  arm(n);
  grown_ = books_changed_ = true;
  reconcile(n, hello, new_boot);
}

void engine::reconcile(node& n, wire::NodeHello::Reader hello, bool new_boot) {
  // Metrics first: a trial whose end is in this hello must find what it measured.
  for (auto measured : hello.getMetrics())
    metrics(n, measured);
  std::set<unexpected_replica> told;
  for (auto status : hello.getReplicas()) {
    told.insert(unexpected_replica_of(status.getId()));
    // Before anything is forgotten, it must be known what still runs.
    auto r = expected(n, status.getId()).second;
    if (wire::is_live(status.getPhase()) && (!r || r->ended())) unexpected(n, status, true);
  }
  for (uint64_t id : std::set(active_)) {
    custom_job& job = jobs_.at(id);
    std::vector<replica*> again;
    // By index: losing one may end the attempt, and with it the list.
    for (size_t i = 0; i < job.replicas.size(); ++i) {
      replica& r = job.replicas[i];
      if (r.node != n.name || r.ended()
          || told.contains({id, job.attempt, r.pool, r.index, r.incarnation}))
        continue;
      if (r.phase == ReplicaPhase::LAUNCHING && !job.stopping())
        again.push_back(&r);
      else
        lose(job, r,
             new_boot ? fmt::format("node {} was started anew", n.name)
                      : fmt::format("node {} no longer knows it", n.name));
    }
    // The loss of one may have ended the attempt: then the others are not started again.
    if (job.stopping()) {
      for (replica* r : again) {
        if (job.replicas.empty()) break;
        lose(job, *r, fmt::format("node {} never started it", n.name));
      }
      again.clear();
    }
    if (!again.empty()) order_launch(job, again);
  }
  for (auto status : hello.getReplicas())
    replica_report(n, status, true);
  for (uint64_t id : active_) {
    const custom_job& job = jobs_.at(id);
    if (job.stopping() && std::ranges::any_of(job.replicas, [&](const replica& r) {
          return r.node == n.name && !r.ended();
        }))
      order_stop(job, n);
  }
  maybe_lift_quarantine(n.name);
}

std::pair<custom_job*, replica*> engine::expected(const node& n, wire::ReplicaId::Reader id) {
  auto found = jobs_.find(id.getJobId());
  if (found == jobs_.end()) return {nullptr, nullptr};
  custom_job& job = found->second;
  if (job.attempt != id.getAttempt()) return {&job, nullptr};
  for (replica& r : job.replicas)
    if (r.pool == id.getPool() && r.index == id.getIndex())
      return {&job, r.node == n.name && r.incarnation == id.getIncarnation() ? &r : nullptr};
  return {&job, nullptr};
}

void engine::replica_report(node& n, wire::ReplicaStatus::Reader status, bool in_hello) {
  auto [job, r] = expected(n, status.getId());
  if (!r || (r->ended() && (in_hello || !wire::is_live(status.getPhase()))))
    return unexpected(n, status, in_hello);
  apply(*job, *r, status);
}

/// The replica is not expected on the node, or its end is known already.
void engine::unexpected(node& n, wire::ReplicaStatus::Reader status, bool in_hello) {
  auto id = status.getId();
  auto found = jobs_.find(id.getJobId());
  bool current = found != jobs_.end() && found->second.attempt == id.getAttempt();
  if (wire::is_live(status.getPhase())) {
    // Outside a hello it is an old message about a replica whose end is known; the node itself
    // knows better.
    if (!in_hello) return;
    if (!n.unexpected.insert(unexpected_replica_of(id)).second) return;
    touched_ = books_changed_ = true;
    send(n, [&](wire::Order::Builder order) {
      auto stop = order.initStop();
      stop.setJobId(id.getJobId());
      stop.setAttempt(id.getAttempt());
      stop.setGraceMs(static_cast<uint32_t>(settings_.termination_grace.count() / 1000));
      stop.initReplicas(1).setWithCaveats(0, id);
    });
    return;
  }
  if (n.unexpected.erase(unexpected_replica_of(id)) > 0) {
    touched_ = true;
    if (n.unexpected.empty()) grown_ = books_changed_ = true;
  }
  if (current) return maybe_forget(found->second, n.name);
  // Of a job deleted while the node was away: its logs go as well. Numbers never given out are left
  // alone.
  bool deleted = found == jobs_.end() && id.getJobId() >= first_id && id.getJobId() < next_id_;
  if (deleted)
    send_purge(n, id.getJobId(), id.getAttempt());
  else
    send_forget(n, id.getJobId(), id.getAttempt());
}

void engine::report(wire::Report::Reader report) {
  node* n = find_node(wire::str(report.getNode()));
  if (!n || !n->connected || n->boot_id != wire::view(report.getBootId())
      || n->agent_epoch != report.getAgentEpoch())
    return; // of a session that is over; the hello of the next one tells all again
  switch (report.which()) {
  case wire::Report::REPLICA:
    return replica_report(*n, report.getReplica(), false);
  case wire::Report::METRICS:
    return metrics(*n, report.getMetrics());
  }
}

void engine::node_down(wire::NodeDown::Reader down) {
  node* n = find_node(wire::str(down.getName()));
  if (!n || !n->connected || n->agent_epoch != down.getAgentEpoch()) return;
  n->connected = false;
  n->last_seen_micros = now_;
  n->unexpected.clear();
  changed(*n);
  books_changed_ = true;
  arm(*n);
  // After a restart of the controller every node is away for a moment: not worth a line in every
  // job's log.
  if (wire::view(down.getReason()) == restart_reason) return;
  for (uint64_t id : active_) {
    custom_job& job = jobs_.at(id);
    if (!job.stopping() && std::ranges::any_of(job.replicas, [&](const replica& r) {
          return r.node == n->name && !r.ended();
        }))
      say(job, "WARNING",
          fmt::format("Node {} is disconnected ({}). Its replicas keep running; if it stays away "
                      "for {} s they count "
                      "as lost.",
                      n->name, wire::view(down.getReason()),
                      settings_.node_lost_after.count() / 1'000'000));
  }
}

void engine::node_lost(node& n, const std::string& why) {
  if (n.connected) return;
  n.lost = true;
  for (uint64_t id : std::set(active_)) {
    custom_job& job = jobs_.at(id);
    for (size_t i = 0; i < job.replicas.size(); ++i)
      if (job.replicas[i].node == n.name) lose(job, job.replicas[i], why);
  }
}

void engine::arm(node& n) {
  if (n.armed_micros) node_timers_.erase({*n.armed_micros, n.name});
  n.armed_micros.reset();
  if (n.connected || n.lost) return;
  n.armed_micros = n.last_seen_micros + settings_.node_lost_after.count();
  node_timers_.insert({*n.armed_micros, n.name});
}

void engine::quarantine(node& n, std::string why) {
  if (!n.quarantine.empty()) return;
  n.quarantine = std::move(why);
  books_changed_ = true;
  changed(n);
}

/// Lifted when nothing that was told to stop is left there.
void engine::maybe_lift_quarantine(const std::string& node_name) {
  node* n = find_node(node_name);
  if (!n || n->quarantine.empty()) return;
  for (uint64_t id : active_) {
    const custom_job& job = jobs_.at(id);
    if (job.stopping() && std::ranges::any_of(job.replicas, [&](const replica& r) {
          return r.node == node_name && !r.ended();
        }))
      return;
  }
  n->quarantine.clear();
  changed(*n);
  grown_ = books_changed_ = true;
}

} // namespace troupe::core
