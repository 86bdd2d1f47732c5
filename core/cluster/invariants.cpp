#include "core/cluster/invariants.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

namespace troupe::core {

using wire::JobState;
using enum invariant;

namespace {

using finding = std::optional<broken_invariant>;

template <class... Args>
finding broken(invariant rule, fmt::format_string<Args...> format, Args&&... args) {
  return broken_invariant{rule, fmt::format(format, std::forward<Args>(args)...)};
}

// -- jobs --

finding broken_life(const custom_job& job, bool queued) {
  if (job.terminal() != (job.end_micros != 0) && !job.deleted)
    return broken(ends_come_once, "job {} is {} with end time {}", job.id,
                  job.terminal() ? "over" : "not over", job.end_micros);
  if (job.terminal() && queued) return broken(ends_come_once, "job {} is over and queued", job.id);
  if (job.deleted && !job.terminal())
    return broken(submissions_survive, "job {} was deleted alive", job.id);
  bool waits = !job.terminal() && job.replicas.empty() && !job.stopping();
  if (waits != queued)
    return broken(what_can_run_runs, "job {} {} and is {} the queue", job.id,
                  waits ? "waits" : "does not wait", queued ? "in" : "not in");
  if (job.state == JobState::QUEUED && !waits)
    return broken(gangs_are_whole, "job {} is queued and placed", job.id);
  return std::nullopt;
}

finding broken_attempt(const custom_job& job) {
  uint64_t wanted = 0;
  for (const pool_demand& demand : job.pools)
    wanted += demand.count;
  if (!job.replicas.empty() && !job.deleted && job.unplaceable.empty()
      && job.replicas.size() != wanted)
    return broken(gangs_are_whole, "job {} has {} of {} replicas", job.id, job.replicas.size(),
                  wanted);
  for (const replica& r : job.replicas) {
    if (!r.ended() && r.released)
      return broken(places_have_one_owner, "job {} holds nothing for a live replica", job.id);
    if (r.ended() && !r.released && job.attempt_over())
      return broken(places_have_one_owner, "job {} still holds the place of an ended replica",
                    job.id);
  }
  if (job.stopping() && job.live_replicas() != (job.kill_deadline_micros != 0))
    return broken(nothing_outlives_its_attempt, "job {} is stopping with kill deadline {}", job.id,
                  job.kill_deadline_micros);
  return std::nullopt;
}

// -- what nodes give --

/// What the replicas of all jobs hold of one node.
struct holdings {
  amounts sum;
  std::set<uint16_t> ports;
  std::set<uint16_t> gpus;
};

finding broken_holding(const cluster_state& state, const custom_job& job, const replica& r,
                       holdings& held) {
  add(held.sum, r.held);
  if (r.port == 0 || !held.ports.insert(r.port).second)
    return broken(places_have_one_owner, "port {} of node {} is held twice", r.port, r.node);
  if (r.gpu_indices.size() != r.held.gpus)
    return broken(places_have_one_owner, "job {} holds {} GPUs and knows {} of them by index",
                  job.id, r.held.gpus, r.gpu_indices.size());
  for (uint16_t index : r.gpu_indices)
    if (!held.gpus.insert(index).second)
      return broken(places_have_one_owner, "GPU {} of node {} is held twice", index, r.node);
  auto n = state.nodes.find(r.node);
  if (n == state.nodes.end())
    return broken(places_have_one_owner, "job {} on unknown node {}", job.id, r.node);
  if (r.held.gpus > 0 && r.held.gpu_type != wire::AcceleratorType::UNSPECIFIED
      && r.held.gpu_type != n->second.total.gpu_type)
    return broken(places_have_one_owner, "job {} holds GPUs of another type than node {} has",
                  job.id, r.node);
  return std::nullopt;
}

finding broken_books(const node& n, holdings held) {
  if (held.sum.cpu_millis != n.used.cpu_millis || held.sum.memory_bytes != n.used.memory_bytes
      || held.sum.gpus != n.used.gpus || held.ports != n.ports || held.gpus != n.gpus)
    return broken(places_have_one_owner,
                  "the books of node {} say {} millicpus, its replicas hold {}", n.name,
                  n.used.cpu_millis, held.sum.cpu_millis);
  if (!n.shrunk && n.holds_too_much())
    return broken(places_have_one_owner, "node {} has {} millicpus and {} are held", n.name,
                  n.total.cpu_millis, held.sum.cpu_millis);
  return std::nullopt;
}

// -- studies --

finding broken_trial(const study& s, const trial& t) {
  using state = wire::Trial::State;
  if (t.ended() != (t.end_micros != 0))
    return broken(ends_come_once, "trial {} of {} is {} with end time {}", t.number, s.id,
                  t.ended() ? "over" : "not over", t.end_micros);
  if ((t.state == state::SUCCEEDED) != t.final_measurement.has_value())
    return broken(ends_come_once, "trial {} of {} in state {} {} a final measurement", t.number,
                  s.id, static_cast<int>(t.state), t.final_measurement ? "has" : "has not");
  for (size_t i = 1; i < t.measurements.size(); ++i)
    if (std::pair(t.measurements[i - 1].step, t.measurements[i - 1].elapsed_micros)
        >= std::pair(t.measurements[i].step, t.measurements[i].elapsed_micros))
      return broken(submissions_survive, "measurement {} of trial {} of {} is out of order", i,
                    t.number, s.id);
  return std::nullopt;
}

finding broken_study(const tuning_job& job) {
  if (job.terminal() != (job.end_micros != 0) || (job.terminal() && job.live_trials() > 0))
    return broken(ends_come_once, "tuning job {} has {} live trials and end time {}", job.id,
                  job.live_trials(), job.end_micros);
  return std::nullopt;
}

finding broken_study(const client_study& s) {
  for (const auto& [number, t] : s.trials) {
    if (number >= s.next_trial)
      return broken(ids_are_new, "trial {} of study {}, next trial {}", number, s.id, s.next_trial);
    if (t.state == wire::Trial::State::ACTIVE && t.client.empty())
      return broken(what_can_run_runs, "trial {} of study {} is ACTIVE and nobody's", number, s.id);
  }
  for (const pending_operation& waits : s.pending) {
    if (waits.checked == 0 && s.over())
      return broken(what_can_run_runs, "operation {} waits for the completed study {}", waits.id,
                    s.id);
    if (waits.checked == 0) continue;
    auto t = s.trials.find(waits.checked);
    if (t == s.trials.end() || t->second.ended())
      return broken(what_can_run_runs, "operation {} waits for trial {} of study {}, which is over",
                    waits.id, waits.checked, s.id);
  }
  return std::nullopt;
}

template <class Study>
finding broken_studies(const std::map<uint64_t, Study>& studies, uint64_t next_id) {
  for (const auto& [id, s] : studies) {
    if (id != s.id || id >= next_id)
      return broken(ids_are_new, "study {} under {}, next id {}", s.id, id, next_id);
    if (auto problem = broken_study(s)) return problem;
    for (const auto& [number, t] : s.trials)
      if (auto problem = broken_trial(s, t)) return problem;
  }
  return std::nullopt;
}

} // namespace

std::string_view text_of(invariant rule) {
  switch (rule) {
  case submissions_survive:
    return "an acknowledged submission survives any crash";
  case places_have_one_owner:
    return "a GPU or core is never owned by two live attempts";
  case gangs_are_whole:
    return "a gang runs whole or not at all";
  case ends_come_once:
    return "an attempt ends exactly once";
  case ids_are_new:
    return "ids are never reused";
  case replay_gives_the_state:
    return "replay equals state";
  case nothing_outlives_its_attempt:
    return "no process outlives its attempt past the kill deadline";
  case what_can_run_runs:
    return "once faults stop, everything that can run runs";
  case training_is_accounted_for:
    return "the control plane never ends training that it cannot account for";
  }
  return "";
}

std::string broken_invariant::text() const {
  return fmt::format("I{} ({}): {}", static_cast<int>(rule), text_of(rule), facts);
}

finding violated_invariant(const cluster_state& state, const scheduler& queue) {
  std::map<std::string, holdings> held;
  for (const auto& [id, job] : state.jobs) {
    if (id != job.id || id >= state.next_id)
      return broken(ids_are_new, "job {} under {}, next id {}", job.id, id, state.next_id);
    if (auto problem = broken_life(job, queue.waits(id))) return problem;
    if (auto problem = broken_attempt(job)) return problem;
    for (const replica& r : job.replicas)
      if (!r.released)
        if (auto problem = broken_holding(state, job, r, held[r.node])) return problem;
  }
  for (const auto& [name, n] : state.nodes)
    if (auto problem = broken_books(n, held[name])) return problem;
  if (auto problem = broken_studies(state.tuning_jobs, state.next_id)) return problem;
  return broken_studies(state.client_studies, state.next_id);
}

} // namespace troupe::core
