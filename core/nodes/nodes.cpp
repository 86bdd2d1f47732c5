#include "core/nodes/nodes.hpp"

#include "wire/lifecycle.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

namespace {

uint16_t free_port(const node& n, const custom_job& job, const replica& r) {
  // From a different start for each attempt, so that a port just freed, which the kernel may still
  // hold, is not the next one taken. Computed, not remembered, so that a replay picks the same.
  uint32_t size = uint32_t{n.port_last} - n.port_first + 1;
  uint64_t start = job.id * 31 + job.attempt * 7 + r.pool * 3 + r.index;
  for (uint32_t i = 0; i < size; ++i) {
    auto port = static_cast<uint16_t>(n.port_first + (start + i) % size);
    if (!n.ports.contains(port)) return port;
  }
  return 0; // place() counts the ports, so this is not reached
}

std::vector<uint16_t> free_gpus(const node& n, uint32_t count) {
  std::vector<uint16_t> picked;
  // The lowest free ones: neighbours by number are mostly neighbours on the machine's buses too.
  for (uint16_t index = 0; picked.size() < count; ++index)
    if (!n.gpus.contains(index)) picked.push_back(index);
  return picked;
}

} // namespace

// What version 0.1 wrote; events that it stored still have it.
constexpr std::string_view restart_reason_0_1 = "the controller was started anew"; // plain: keep

bool is_controller_restart(std::string_view reason) {
  return reason == restart_reason || reason == restart_reason_0_1;
}

unexpected_replica unexpected_replica_of(wire::ReplicaId::Reader id) {
  return {id.getJobId(), id.getAttempt(), id.getPool(), id.getIndex(), id.getIncarnation()};
}

// -- sessions --

/// Why the node may not join; empty if it may.
std::string nodes::refusal_of(wire::NodeHello::Reader hello) const {
  std::string name = wire::str(hello.getName());
  if (name.empty() || name.size() > 253)
    return fmt::format(
        "a node's name has 1 to 253 characters, this one {}: set `name` in the agent's config",
        name.size());
  if (hello.getPortFirst() == 0 || hello.getPortFirst() > hello.getPortLast())
    return fmt::format(
        "node {} offers the ports {} to {}; expected a range from 1 to 65535 with its first "
        "not above its last: fix `ports` in the agent's config",
        name, hello.getPortFirst(), hello.getPortLast());
  std::string_view served = wire::view(hello.getClusterId());
  if (!served.empty() && served != state_.cluster_id) {
    size_t running = 0;
    for (auto status : hello.getReplicas())
      running += wire::is_live(status.getPhase());
    // A controller that lost its store must not kill the training of the cluster that it was.
    if (running > 0)
      return fmt::format("node {} runs {} replicas of cluster {}, and this is cluster {}. Nothing "
                         "was stopped. If this controller's state directory was lost or is the "
                         "wrong one, start it with the right one; otherwise stop these replicas, "
                         "then connect the node again",
                         name, running, served, state_.cluster_id);
  }
  const node* known = state_.find_node(name);
  if (known && known->connected && hello.getAgentEpoch() < known->agent_epoch)
    return fmt::format(
        "node {} is already connected with a newer agent (epoch {}, this one has {}): two agents "
        "may not share a name; give one another `name` in its config",
        name, known->agent_epoch, hello.getAgentEpoch());
  return {};
}

nodes::arrival nodes::up(wire::NodeHello::Reader hello) {
  std::string name = wire::str(hello.getName());
  if (std::string why = refusal_of(hello); !why.empty()) {
    out_.refuse({std::move(name), hello.getAgentEpoch(), std::move(why)});
    return {};
  }
  auto [found, fresh] = state_.nodes.try_emplace(name);
  node& n = found->second;
  n.name = name;
  if (n.connected && n.agent_epoch < hello.getAgentEpoch())
    out_.refuse({name, n.agent_epoch, fmt::format("a newer agent of node {} has connected", name)});
  const amounts total = amounts_of(hello.getResources());
  const arrival arrived{.joined = &n,
                        .new_boot = !fresh && n.boot_id != wire::view(hello.getBootId()),
                        .new_totals = fresh || total != n.total};
  n.address = wire::str(hello.getAddress());
  n.boot_id = wire::str(hello.getBootId());
  n.version = wire::str(hello.getVersion());
  n.agent_epoch = hello.getAgentEpoch();
  n.total = total;
  n.shrunk = n.holds_too_much();
  n.port_first = hello.getPortFirst();
  n.port_last = hello.getPortLast();
  n.connected = true;
  n.lost = false;
  n.last_seen_micros = state_.now;
  n.unexpected.clear();
  out_.changed(n);
  arm(n);
  return arrived;
}

node* nodes::down(wire::NodeDown::Reader event) {
  node* n = state_.find_node(wire::str(event.getName()));
  if (!n || !n->connected || n->agent_epoch != event.getAgentEpoch()) return nullptr;
  n->connected = false;
  n->last_seen_micros = state_.now;
  n->unexpected.clear();
  out_.changed(*n);
  arm(*n);
  return n;
}

bool nodes::lose(node& n) {
  if (n.connected) return false;
  n.lost = true;
  return true;
}

node* nodes::session_of(wire::Report::Reader report) {
  node* n = state_.find_node(wire::str(report.getNode()));
  if (!n || !n->connected || n->boot_id != wire::view(report.getBootId())
      || n->agent_epoch != report.getAgentEpoch())
    return nullptr; // the hello of the next session brings all of it again
  return n;
}

void nodes::arm(const node& n) {
  if (n.connected || n.lost) return timers_.disarm(timer::of_node(n.name));
  timers_.arm(timer::of_node(n.name), n.last_seen_micros + state_.settings.node_lost_after.count());
}

// -- what replicas hold --

void nodes::hold(node& n, const custom_job& job, replica& r) {
  r.node = n.name;
  r.host = n.address;
  r.port = free_port(n, job, r);
  r.gpu_indices = free_gpus(n, r.held.gpus);
  add(n.used, r.held);
  n.ports.insert(r.port);
  n.gpus.insert(r.gpu_indices.begin(), r.gpu_indices.end());
  out_.changed(n);
}

void nodes::restore(const replica& r) {
  node& n = state_.nodes[r.node];
  add(n.used, r.held);
  n.ports.insert(r.port);
  n.gpus.insert(r.gpu_indices.begin(), r.gpu_indices.end());
}

bool nodes::release(replica& r) {
  if (r.released) return false;
  r.released = true;
  node& n = state_.nodes.at(r.node);
  subtract(n.used, r.held);
  n.ports.erase(r.port);
  for (uint16_t index : r.gpu_indices)
    n.gpus.erase(index);
  out_.changed(n);
  return true;
}

// -- what runs there unasked --

bool nodes::add_unexpected(node& n, wire::ReplicaId::Reader id) {
  if (!n.unexpected.insert(unexpected_replica_of(id)).second) return false;
  out_.changed();
  return true;
}

bool nodes::remove_unexpected(node& n, wire::ReplicaId::Reader id) {
  if (n.unexpected.erase(unexpected_replica_of(id)) == 0) return false;
  out_.changed();
  return n.unexpected.empty();
}

bool nodes::runs_unexpected(const node& n, uint64_t job, uint32_t attempt) {
  return std::ranges::any_of(n.unexpected, [&](const unexpected_replica& other) {
    return std::get<0>(other) == job && std::get<1>(other) == attempt;
  });
}

// -- quarantine --

bool nodes::quarantine(node& n, std::string why) {
  if (!n.quarantine.empty()) return false;
  n.quarantine = std::move(why);
  out_.changed(n);
  return true;
}

bool nodes::lift_quarantine(const std::string& name) {
  node* n = state_.find_node(name);
  if (!n || n->quarantine.empty()) return false;
  for (uint64_t id : state_.active) {
    const custom_job& job = state_.jobs.at(id);
    if (job.stopping() && job.lives_on(name)) return false;
  }
  n->quarantine.clear();
  out_.changed(*n);
  return true;
}

} // namespace troupe::core
