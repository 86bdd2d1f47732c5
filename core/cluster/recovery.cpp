// From the store back to the state. Whatever can be derived (what is free, the queue, the timers) is
// derived, so that it cannot disagree with what is stored.
#include "base/names.hpp"
#include "core/cluster/cluster.hpp"
#include "core/cluster/invariants.hpp"
#include "core/cluster/parts.hpp"
#include "core/jobs/spec.hpp"
#include "core/state/job_records.hpp"
#include "core/state/node_records.hpp"
#include "core/state/study_records.hpp"
#include "core/state/trial_records.hpp"

#include <fmt/format.h>

namespace troupe::core {

using store::family;

namespace {

/// Visits every record of a family; the first that cannot be read stops the recovery, and is named.
template <class Visit>
result<> each_value(const scanner& scan, family kind, Visit visit) {
  result<> problem;
  auto scanned = scan(kind, [&](std::string_view key, std::string_view value) {
    // The other keys of meta belong to the store.
    if (kind == family::meta && key != "cluster") return true;
    if (result<> visited = visit(key, value); !visited)
      problem =
          fail(errc::data_loss, "{}/{}: {}", store::name_of(kind), key, visited.error().message);
    return problem.has_value();
  });
  return scanned ? problem : scanned;
}

template <class T, class Visit>
result<> each(const scanner& scan, family kind, Visit visit) {
  return each_value(scan, kind, [&](std::string_view key, std::string_view value) -> result<> {
    auto parsed = wire::frame<T>::parse(value);
    if (!parsed) return std::unexpected(parsed.error());
    visit(key, std::move(*parsed));
    return {};
  });
}

template <class T, class Into>
result<> read_frame(Into& into, std::string_view value) {
  auto parsed = wire::frame<T>::parse(value);
  if (!parsed) return std::unexpected(parsed.error());
  read(into, **parsed);
  return {};
}

/// Reads the stored records into the state.
class loader {
public:
  loader(cluster_state& state, const scanner& scan) : state_(state), scan_(scan) {}

  result<> load() {
    for (auto step : {&loader::cluster_record, &loader::jobs, &loader::studies, &loader::trials,
                      &loader::attempts, &loader::nodes})
      if (auto read = (this->*step)(); !read) return read;
    return {};
  }

  /// Writes what older versions stored in another form in today's.
  void convert(store::batch& writes) const {
    for (uint64_t id : inline_trials_) {
      const tuning_job& job = state_.tuning_jobs.at(id);
      writes.put(family::tuning_jobs, key_of(id), resource_of(job).str());
      for (const auto& [number, t] : job.trials)
        writes.put(family::trials, trial_key(id, number), record_of(job, t).str());
    }
    for (uint64_t id : old_records_) {
      writes.erase(family::attempts, key_of(id));
      writes.put(family::study_records, key_of(id), record_of(state_.tuning_jobs.at(id)).str());
    }
  }

private:
  result<> cluster_record() {
    return each<wire::ClusterRecord>(scan_, family::meta, [&](std::string_view, auto record) {
      state_.cluster_id = wire::str(record->getClusterId());
      state_.epoch = record->getEpoch() + 1;
      state_.next_id = record->getNextId();
      state_.next_event = record->getNextEvent();
      state_.next_order = record->getNextOrder();
    });
  }

  result<> jobs() {
    return each<wire::CustomJob>(scan_, family::custom_jobs, [&](std::string_view key, auto job) {
      read(state_.jobs[id_of_key(key)], std::move(job));
    });
  }

  result<> studies() {
    auto tuning = each<wire::HyperparameterTuningJob>(scan_, family::tuning_jobs,
                                                      [&](std::string_view key, auto job) {
                                                        const uint64_t id = id_of_key(key);
                                                        tuning_job& made = state_.tuning_jobs[id];
                                                        made.id = id;
                                                        read(made, std::move(job));
                                                        if (!made.trials.empty())
                                                          inline_trials_.insert(id);
                                                      });
    if (!tuning) return tuning;
    auto client =
        each<wire::Study>(scan_, family::studies, [&](std::string_view key, auto resource) {
          client_study& made = state_.client_studies[id_of_key(key)];
          made.id = id_of_key(key);
          read(made, std::move(resource));
        });
    if (!client) return client;
    return study_records();
  }

  /// Those of tuning jobs and of client studies, each under its study's id.
  result<> study_records() {
    return each_value(
        scan_, family::study_records, [&](std::string_view key, std::string_view value) {
          if (auto job = state_.tuning_jobs.find(id_of_key(key)); job != state_.tuning_jobs.end())
            return read_frame<wire::TuningJobRecord>(job->second, value);
          if (auto s = state_.client_studies.find(id_of_key(key)); s != state_.client_studies.end())
            return read_frame<wire::StudyRecord>(s->second, value);
          return result<>();
        });
  }

  result<> trials() {
    return each<wire::Trial>(scan_, family::trials, [&](std::string_view key, auto record) {
      study* s = state_.find_study(id_of_key(key));
      if (!s) return;
      trial t = trial_of(*record);
      s->trials.insert_or_assign(t.number, std::move(t));
    });
  }

  result<> attempts() {
    return each<wire::AttemptRecord>(
        scan_, family::attempts, [&](std::string_view key, auto record) {
          const uint64_t id = id_of_key(key);
          if (auto tuning = state_.tuning_jobs.find(id); tuning != state_.tuning_jobs.end()) {
            old_records_.insert(id);
            return read(tuning->second, *record);
          }
          auto [job, ghost] = state_.jobs.try_emplace(id);
          read(job->second, *record);
          if (!ghost) return;
          // Deleted while its last replicas were still stopping, which only ended jobs can be.
          job->second.deleted = true;
          job->second.state = wire::JobState::CANCELLED;
        });
  }

  result<> nodes() {
    return each<wire::NodeRecord>(scan_, family::nodes, [&](std::string_view key, auto record) {
      read(state_.nodes[std::string(key)], *record);
    });
  }

  cluster_state& state_;
  const scanner& scan_;
  std::set<uint64_t> inline_trials_; // tuning jobs whose resources held their trials
  std::set<uint64_t> old_records_;   // tuning jobs that version 0.1 gave an AttemptRecord
};

/// What is not stored: who holds what, who waits, who is active, what is due when.
void derive(parts& p) {
  for (auto& [id, job] : p.state.jobs) {
    if (!job.deleted) job.unplaceable = read_spec(job, p.state.settings.machines);
    for (const replica& r : job.replicas)
      if (!r.released) p.nodes.restore(r);
    const bool waits =
        !job.terminal() && job.replicas.empty() && job.after_stop == wire::JobState::UNSPECIFIED;
    if (waits) p.scheduler.enqueue(job);
    if (job.live_replicas() || (!job.terminal() && !job.replicas.empty()))
      p.state.active.insert(id);
    p.attempts.arm(job);
  }
  for (auto& [name, n] : p.state.nodes) {
    n.shrunk = n.holds_too_much();
    p.nodes.arm(n);
  }
  p.studies.restore();
}

void merge(effects& into, effects from) {
  auto append = [](auto& list, auto& more) {
    list.insert(list.end(), std::make_move_iterator(more.begin()),
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

/// The sessions of the old process are gone. As events, so that the log still replays to this state.
effects close_sessions(parts& p) {
  std::vector<std::pair<std::string, uint64_t>> sessions;
  for (const auto& [name, n] : p.state.nodes)
    if (n.connected) sessions.emplace_back(name, n.agent_epoch);
  effects out;
  for (const auto& [name, agent_epoch] : sessions)
    merge(out, p.step(wire::frame<wire::Event>::build([&](wire::Event::Builder event) {
      event.setAtMicros(p.state.now);
      auto down = event.initNodeDown();
      down.setName(wire::text(name));
      down.setAgentEpoch(agent_epoch);
      down.setReason(wire::text(std::string(restart_reason)));
    })));
  return out;
}

} // namespace

result<std::pair<std::unique_ptr<cluster>, effects>> cluster::recover(settings settings,
                                                                      std::string fresh_cluster_id,
                                                                      instant now,
                                                                      const scanner& scan) {
  auto made = std::make_unique<parts>(std::move(settings), std::move(fresh_cluster_id));
  parts& p = *made;
  loader stored(p.state, scan);
  if (auto loaded = stored.load(); !loaded) return std::unexpected(loaded.error());
  p.state.now = micros_of(now);
  p.changes.begin(0);
  derive(p);

  effects out;
  stored.convert(out.writes);
  merge(out, close_sessions(p));
  p.changes.begin(0);
  p.studies.ask_again();
  merge(out, p.changes.finish_recovery());
  if (const auto broken = core::violated_invariant(p.state, p.scheduler))
    return fail(errc::data_loss,
                "the stored state of the cluster contradicts itself, so the controller does not "
                "start: {}. Nothing was changed, and what runs on the nodes goes on. Restore the "
                "state directory from a backup, or keep a copy of it and report the fault",
                broken->text());
  return std::pair(std::unique_ptr<cluster>(new cluster(std::move(made))), std::move(out));
}

} // namespace troupe::core
