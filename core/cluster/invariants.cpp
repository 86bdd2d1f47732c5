// What must hold in every state (design.md §4). Computed from scratch, so that a slip in the
// running books shows.
#include "core/cluster/engine.hpp"

#include <fmt/format.h>

namespace troupe::core {

using wire::JobState;

namespace {

std::optional<std::string> broken(const custom_job& job, bool queued) {
  if (job.terminal() != (job.end_micros != 0) && !job.deleted)
    return fmt::format("I4: job {} is {} with end time {}", job.id,
                       job.terminal() ? "over" : "not over", job.end_micros);
  if (job.terminal() && queued) return fmt::format("I4: job {} is over and queued", job.id);
  if (job.deleted && !job.terminal()) return fmt::format("I1: job {} was deleted alive", job.id);
  uint64_t assignments = 0;
  for (const pool_demand& demand : job.pools)
    assignments += demand.count;
  if (!job.replicas.empty() && !job.deleted && job.unplaceable.empty()
      && job.replicas.size() != assignments)
    return fmt::format("I3: job {} has {} of {} replicas", job.id, job.replicas.size(),
                       assignments);
  bool waits = !job.terminal() && job.replicas.empty() && !job.stopping();
  if (waits != queued)
    return fmt::format("I8: job {} {} and is {} the queue", job.id,
                       waits ? "waits" : "does not wait", queued ? "in" : "not in");
  if (job.state == JobState::QUEUED && !waits)
    return fmt::format("I3: job {} is queued and placed", job.id);
  for (const replica& r : job.replicas) {
    if (!r.ended() && r.released)
      return fmt::format("I2: job {} holds nothing for a live replica", job.id);
    if (r.ended() && !r.released && job.attempt_over())
      return fmt::format("I2: job {} still holds the place of an ended replica", job.id);
  }
  if (job.stopping() && job.live_replicas() != (job.kill_deadline_micros != 0))
    return fmt::format("I7: job {} is stopping with kill deadline {}", job.id,
                       job.kill_deadline_micros);
  return std::nullopt;
}

std::optional<std::string> broken(const study& s, const trial& t) {
  using state = wire::Trial::State;
  if (t.ended() != (t.end_micros != 0))
    return fmt::format("I4: trial {} of {} is {} with end time {}", t.number, s.id,
                       t.ended() ? "over" : "not over", t.end_micros);
  if ((t.state == state::SUCCEEDED) != t.final_measurement.has_value())
    return fmt::format("I4: trial {} of {} in state {} {} a final measurement", t.number, s.id,
                       static_cast<int>(t.state), t.final_measurement ? "has" : "has not");
  for (size_t i = 1; i < t.measurements.size(); ++i)
    if (std::pair(t.measurements[i - 1].step, t.measurements[i - 1].elapsed_micros)
        >= std::pair(t.measurements[i].step, t.measurements[i].elapsed_micros))
      return fmt::format("measurement {} of trial {} of {} is out of order", i, t.number, s.id);
  return std::nullopt;
}

std::optional<std::string> broken(const client_study& study) {
  for (const auto& [number, t] : study.trials) {
    if (number >= study.next_trial)
      return fmt::format("I5: trial {} of study {}, next trial {}", number, study.id,
                         study.next_trial);
    if (t.state == wire::Trial::State::ACTIVE && t.client.empty())
      return fmt::format("trial {} of study {} is ACTIVE and nobody's", number, study.id);
  }
  for (const pending_operation& waits : study.pending) {
    if (waits.checked == 0 && study.over())
      return fmt::format("I8: operation {} waits for the completed study {}", waits.id, study.id);
    if (waits.checked == 0) continue;
    auto t = study.trials.find(waits.checked);
    if (t == study.trials.end() || t->second.ended())
      return fmt::format("I8: operation {} waits for trial {} of study {}, which is over", waits.id,
                         waits.checked, study.id);
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> engine::violated_invariant() const {
  std::map<std::string, amounts> held;
  std::map<std::string, std::set<uint16_t>> ports, gpus;
  for (const auto& [id, job] : jobs_) {
    if (id != job.id || id >= next_id_)
      return fmt::format("I5: job {} under {}, next id {}", job.id, id, next_id_);
    if (auto problem = broken(job, queue_.contains(id))) return problem;
    for (const replica& r : job.replicas) {
      if (r.released) continue;
      add(held[r.node], r.held);
      if (r.port == 0 || !ports[r.node].insert(r.port).second)
        return fmt::format("I2: port {} of node {} is held twice", r.port, r.node);
      if (r.gpu_indices.size() != r.held.gpus)
        return fmt::format("I2: job {} holds {} GPUs and knows {} of them by index", id,
                           r.held.gpus, r.gpu_indices.size());
      for (uint16_t index : r.gpu_indices)
        if (!gpus[r.node].insert(index).second)
          return fmt::format("I2: GPU {} of node {} is held twice", index, r.node);
      auto n = nodes_.find(r.node);
      if (n == nodes_.end()) return fmt::format("I2: job {} on unknown node {}", id, r.node);
      if (r.held.gpus > 0 && r.held.gpu_type != wire::AcceleratorType::UNSPECIFIED
          && r.held.gpu_type != n->second.total.gpu_type)
        return fmt::format("I2: job {} holds GPUs of another type than node {} has", id, r.node);
    }
  }
  for (const auto& [name, n] : nodes_) {
    amounts sum = held[name];
    if (sum.cpu_millis != n.used.cpu_millis || sum.memory_bytes != n.used.memory_bytes
        || sum.gpus != n.used.gpus || ports[name] != n.ports || gpus[name] != n.gpus)
      return fmt::format("I2: the books of node {} say {} millicpus, its replicas hold {}", name,
                         n.used.cpu_millis, sum.cpu_millis);
    sum.gpu_type = n.total.gpu_type;
    if (!n.shrunk && !fits(sum, n.total))
      return fmt::format("I2: node {} has {} millicpus and {} are held", name, n.total.cpu_millis,
                         sum.cpu_millis);
  }
  for (const auto& [id, job] : tuning_jobs_) {
    if (id >= next_id_) return fmt::format("I5: tuning job {}, next id {}", id, next_id_);
    if (job.terminal() != (job.end_micros != 0) || (job.terminal() && job.live_trials() > 0))
      return fmt::format("I4: tuning job {} has {} live trials and end time {}", id,
                         job.live_trials(), job.end_micros);
    for (const auto& [number, t] : job.trials)
      if (auto problem = broken(job, t)) return problem;
  }
  for (const auto& [id, study] : client_studies_) {
    if (id >= next_id_) return fmt::format("I5: study {}, next id {}", id, next_id_);
    if (auto problem = broken(study)) return problem;
    for (const auto& [number, t] : study.trials)
      if (auto problem = broken(study, t)) return problem;
  }
  return std::nullopt;
}

} // namespace troupe::core
