// From the store back to the state. Whatever can be derived (what is free, the queue, the timers)
// is derived, so that it cannot disagree with what is stored.
#include "core/cluster/engine.hpp"
#include "core/state/records.hpp"
#include "core/state/trial_records.hpp"

namespace troupe::core {

using store::family;

namespace {

/// Visits every record of a family as a frame; the first that cannot be read stops the recovery.
template <class T, class Visit>
result<> each(const scanner& scan, family kind, Visit visit) {
  result<> problem;
  auto done = scan(kind, [&](std::string_view key, std::string_view value) {
    auto parsed = wire::frame<T>::parse(value);
    if (!parsed) {
      problem =
          fail(errc::data_loss, "{}/{}: {}", store::name_of(kind), key, parsed.error().message);
      return false;
    }
    visit(key, std::move(*parsed));
    return true;
  });
  return done ? problem : done;
}

void merge(effects& into, effects from) {
  auto append = [](auto& all, auto& more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  append(into.writes.writes, from.writes.writes);
  append(into.writes.range_deletes, from.writes.range_deletes);
  append(into.orders, from.orders);
  append(into.replies, from.replies);
  append(into.suggestion_requests, from.suggestion_requests);
  append(into.stopping_requests, from.stopping_requests);
  append(into.refusals, from.refusals);
}

} // namespace

result<std::pair<std::unique_ptr<engine>, effects>>
engine::recover(settings with, std::string fresh_cluster_id, instant now, const scanner& scan) {
  auto state = std::make_unique<engine>(std::move(with), std::move(fresh_cluster_id));
  engine& e = *state;
  bool known = false;
  result<> problem;
  problem = scan(family::meta, [&](std::string_view key, std::string_view value) {
    if (key != "cluster") return true; // the rest is the store's own
    auto record = wire::frame<wire::ClusterRecord>::parse(value);
    if (!record) {
      problem = std::unexpected(record.error());
      return false;
    }
    known = true;
    e.cluster_id_ = wire::str((*record)->getClusterId());
    e.epoch_ = (*record)->getEpoch() + 1;
    e.next_id_ = (*record)->getNextId();
    e.next_event_ = (*record)->getNextEvent();
    e.next_order_ = (*record)->getNextOrder();
    return true;
  });
  if (!problem) return std::unexpected(problem.error());
  problem = each<wire::CustomJob>(scan, family::custom_jobs, [&](std::string_view key, auto job) {
    read(e.jobs_[id_of_key(key)], std::move(job));
  });
  if (!problem) return std::unexpected(problem.error());
  // Trials inside the job's record: the first databases had them there, before trials got keys.
  std::set<uint64_t> old_form;
  problem = each<wire::HyperparameterTuningJob>(scan, family::tuning_jobs,
                                                [&](std::string_view key, auto job) {
                                                  const uint64_t id = id_of_key(key);
                                                  tuning_job& made = e.tuning_jobs_[id];
                                                  made.id = id;
                                                  read(made, std::move(job));
                                                  if (!made.trials.empty()) old_form.insert(id);
                                                });
  if (!problem) return std::unexpected(problem.error());
  problem = each<wire::Study>(scan, family::studies, [&](std::string_view key, auto study) {
    client_study& made = e.client_studies_[id_of_key(key)];
    made.id = id_of_key(key);
    read(made, std::move(study));
  });
  if (!problem) return std::unexpected(problem.error());
  problem =
      each<wire::StudyRecord>(scan, family::study_records, [&](std::string_view key, auto record) {
        if (auto study = e.client_studies_.find(id_of_key(key)); study != e.client_studies_.end())
          read(study->second, *record);
      });
  if (!problem) return std::unexpected(problem.error());
  problem = each<wire::Trial>(scan, family::trials, [&](std::string_view key, auto record) {
    if (study* s = e.find_study(id_of_key(key))) {
      trial t = trial_of(*record);
      s->trials.insert_or_assign(t.number, std::move(t));
    }
  });
  if (!problem) return std::unexpected(problem.error());
  problem =
      each<wire::AttemptRecord>(scan, family::attempts, [&](std::string_view key, auto record) {
        uint64_t id = id_of_key(key);
        if (auto tuning = e.tuning_jobs_.find(id); tuning != e.tuning_jobs_.end())
          return read(tuning->second, *record);
        auto [job, ghost] = e.jobs_.try_emplace(id);
        read(job->second, *record);
        if (!ghost) return;
        // Deleted while its last replicas were still stopping, which only ended jobs can be.
        job->second.deleted = true;
        job->second.state = wire::JobState::CANCELLED;
      });
  if (!problem) return std::unexpected(problem.error());
  problem = each<wire::NodeRecord>(scan, family::nodes, [&](std::string_view key, auto record) {
    read(e.nodes_[std::string(key)], *record);
  });
  if (!problem) return std::unexpected(problem.error());

  e.now_ = micros_of(now);
  e.derive();
  effects out;
  for (uint64_t id : old_form) {
    const tuning_job& job = e.tuning_jobs_.at(id);
    out.writes.put(family::tuning_jobs, store::key_of(id), resource_of(job).str());
    for (const auto& [number, t] : job.trials)
      out.writes.put(family::trials, trial_key(id, number), record_of(job, t).str());
  }
  // The sessions of the old process are gone. As events, so that the log still replays to this
  // state.
  std::vector<std::pair<std::string, uint64_t>> sessions;
  for (const auto& [name, n] : e.nodes_)
    if (n.connected) sessions.emplace_back(name, n.agent_epoch);
  for (const auto& [name, agent_epoch] : sessions)
    merge(out, e.step(wire::frame<wire::Event>::build([&](wire::Event::Builder event) {
      event.setAtMicros(micros_of(now));
      auto down = event.initNodeDown();
      down.setName(wire::text(name));
      down.setAgentEpoch(agent_epoch);
      down.setReason(wire::text(std::string(restart_reason)));
    })));
  e.out_ = {};
  e.write_cluster_record();
  for (auto& [id, job] : e.tuning_jobs_)
    e.ask(job);
  for (auto& [id, study] : e.client_studies_)
    e.ask_again(study);
  merge(out, std::move(e.out_));
  return std::pair(std::move(state), std::move(out));
}

void engine::derive() {
  for (auto& [id, job] : jobs_) {
    if (!job.deleted) job.unplaceable = read_spec(job, settings_.machines);
    for (replica& r : job.replicas) {
      if (r.released) continue;
      node& n = nodes_[r.node];
      add(n.used, r.held);
      n.ports.insert(r.port);
      n.gpus.insert(r.gpu_indices.begin(), r.gpu_indices.end());
    }
    bool waits =
        !job.terminal() && job.replicas.empty() && job.after_stop == wire::JobState::UNSPECIFIED;
    if (waits) enqueue(job);
    if (job.live_replicas() || (!job.terminal() && !job.replicas.empty())) active_.insert(id);
    arm(job);
  }
  for (auto& [name, n] : nodes_)
    arm(n);
  for (auto& [id, job] : tuning_jobs_) {
    job.optimal = optimal_of(job);
    if (job.armed_micros) study_timers_.insert({*job.armed_micros, id});
    wants_stoppings_.insert(id);
  }
  for (auto& [id, study] : client_studies_) {
    if (study.armed_micros) study_timers_.insert({*study.armed_micros, id});
    wants_stoppings_.insert(id);
  }
  touched_ = false;
}

} // namespace troupe::core
