// What must hold in the simulated cluster after each recovery and at the end.
#include "tests/sim/sim_world.hpp"

#include <fmt/format.h>

namespace troupe::sim {

using store::family;

// -- what must hold --

void sim_world::compare_with_replay() {
  for (family kind : {family::custom_jobs, family::tuning_jobs, family::attempts,
                      family::operations, family::nodes, family::service_logs, family::studies,
                      family::study_records, family::trials}) {
    auto rows = [&](const store::database& db) {
      std::map<std::string, std::string> all;
      if (!db.scan(kind, "", false, [&](auto key, auto value) {
            all.emplace(key, value);
            return true;
          }))
        throw violation("the store cannot be read");
      return all;
    };
    auto stored = rows(*db_), replayed = rows(*replay_db_);
    if (stored == replayed) continue;
    for (const auto& [key, value] : stored)
      if (!replayed.contains(key) || replayed[key] != value)
        throw violation(fmt::format("I6: {}/{} is stored otherwise than its replay",
                                    store::name_of(kind), key));
    throw violation(
        fmt::format("I6: the replay has more in {} than the store", store::name_of(kind)));
  }
}

void sim_world::check_acknowledged() {
  for (uint64_t id : jobs_)
    if (!deletions_.contains(id) && !db_->read(family::custom_jobs, store::key_of(id)).value())
      throw violation(fmt::format("I1: job {} was acknowledged and is lost", id));
  for (uint64_t id : client_studies_)
    if (!deletions_.contains(id) && !db_->read(family::studies, store::key_of(id)).value())
      throw violation(fmt::format("I1: study {} was acknowledged and is lost", id));
}

void sim_world::check_peace() {
  for (auto& agent : agents_)
    if (agent->live_replicas() > 0)
      throw violation(
          fmt::format("I7: {} replicas still run on {}", agent->live_replicas(), agent->name()));
  std::string waiting;
  if (!db_->scan(family::custom_jobs, "", false, [&](auto key, auto value) {
        auto job = *wire::frame<wire::CustomJob>::parse(value);
        if (ended_.contains(std::string(key))) return true;
        auto attempt =
            *wire::frame<wire::AttemptRecord>::parse(*db_->read(family::attempts, key).value());
        std::string reason = wire::str(attempt->getReason());
        if (job->getState() != wire::JobState::QUEUED
            || reason.find("can never start") == std::string::npos)
          waiting = fmt::format("I8: job {} is in state {} at the end: {}", key,
                                static_cast<int>(job->getState()), reason);
        return true;
      }))
    throw violation("the store cannot be read");
  if (!waiting.empty()) throw violation(waiting);
  if (!db_->scan(family::operations, "", false, [&](auto key, auto value) {
        if (!(*wire::frame<wire::Operation>::parse(value))->getDone())
          waiting = fmt::format("I8: operation {} is not done at the end", key);
        return true;
      }))
    throw violation("the store cannot be read");
  if (!waiting.empty()) throw violation(waiting);
  if (!db_->scan(family::nodes, "", false, [&](auto key, auto value) {
        auto node = *wire::frame<wire::NodeRecord>::parse(value);
        if (node->getAllocated().getCpuMillis() != 0 || node->getQuarantine().size() > 0
            || !node->getConnected())
          waiting =
              fmt::format("node {} is not free at the end: {} millicpus held, quarantine '{}'", key,
                          node->getAllocated().getCpuMillis(), wire::view(node->getQuarantine()));
        return true;
      }))
    throw violation("the store cannot be read");
  if (!waiting.empty()) throw violation(waiting);
}

} // namespace troupe::sim
