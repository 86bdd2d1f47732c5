#include "core/state/changes.hpp"

#include "base/names.hpp"
#include "core/state/job_records.hpp"
#include "core/state/node_records.hpp"
#include "core/state/operations.hpp"
#include "core/state/study_records.hpp"
#include "core/state/trial_records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe::core {

using store::family;

// -- the step --

void changes::begin(uint64_t request) {
  out_ = {};
  request_ = request;
}

effects changes::finish(const wire::frame<wire::Event>& event) {
  write_records();
  if (std::exchange(touched_, false)) {
    uint64_t sequence = state_.next_event++;
    out_.writes.put(family::events, key_of(sequence), event.str());
    // The log is cut now and then, not at each event: a range delete leaves a tombstone to read over.
    const uint64_t retained = state_.settings.events_retained;
    if (sequence % 1024 == 0 && sequence > retained)
      out_.writes.range_deletes.push_back(
          {family::events, key_of(0), key_of(sequence - retained + 1)});
    write_cluster_record();
  }
  return std::exchange(out_, {});
}

effects changes::finish_recovery() {
  touched_ = false;
  write_cluster_record();
  return std::exchange(out_, {});
}

void changes::write_records() {
  for (uint64_t id : std::exchange(jobs_, {}))
    if (auto found = state_.jobs.find(id); found != state_.jobs.end() && !found->second.deleted)
      out_.writes.put(family::custom_jobs, key_of(id), resource_of(found->second).str());
  write_studies();
  for (const auto& [id, operation] : std::exchange(operations_, {}))
    out_.writes.put(family::operations, key_of(id), operation.str());
  for (uint64_t id : std::exchange(dropped_, {})) {
    state_.jobs.erase(id);
    out_.writes.erase(family::attempts, key_of(id));
  }
  for (uint64_t id : std::exchange(attempts_, {}))
    if (auto found = state_.jobs.find(id); found != state_.jobs.end())
      out_.writes.put(family::attempts, key_of(id), record_of(found->second).str());
  for (const std::string& name : std::exchange(nodes_, {}))
    out_.writes.put(family::nodes, name, record_of(state_.nodes.at(name)).str());
}

void changes::write_studies() {
  for (uint64_t id : std::exchange(studies_, {})) {
    if (auto job = state_.tuning_jobs.find(id); job != state_.tuning_jobs.end()) {
      out_.writes.put(family::tuning_jobs, key_of(id), resource_of(job->second).str());
      out_.writes.put(family::study_records, key_of(id), record_of(job->second).str());
    }
    if (auto found = state_.client_studies.find(id); found != state_.client_studies.end()) {
      out_.writes.put(family::studies, key_of(id), resource_of(found->second).str());
      out_.writes.put(family::study_records, key_of(id), record_of(found->second).str());
    }
  }
  for (const auto& [id, number] : std::exchange(trials_, {})) {
    const study* s = state_.find_study(id);
    if (!s) continue;
    if (auto t = s->trials.find(number); t != s->trials.end())
      out_.writes.put(family::trials, trial_key(id, number), record_of(*s, t->second).str());
    else
      out_.writes.erase(family::trials, trial_key(id, number));
  }
}

void changes::write_cluster_record() {
  out_.writes.put(family::meta, "cluster",
                  wire::frame<wire::ClusterRecord>::build([&](wire::ClusterRecord::Builder record) {
                    record.setClusterId(wire::text(state_.cluster_id));
                    record.setEpoch(state_.epoch);
                    record.setNextId(state_.next_id);
                    record.setNextEvent(state_.next_event);
                    record.setNextOrder(state_.next_order);
                  }).str());
}

// -- operations and erasures --

void changes::put_operation(uint64_t id, wire::frame<wire::Operation> operation) {
  touched_ = true;
  operations_.insert_or_assign(id, std::move(operation));
}

void changes::erase_resource(const custom_job& job) {
  out_.writes.erase(family::custom_jobs, key_of(job.id));
  out_.writes.range_deletes.push_back(
      {family::service_logs, parts_prefix(job.id), parts_end(job.id)});
  changed_attempt(job);
}

void changes::erase(const tuning_job& job) {
  touched_ = true;
  out_.writes.erase(family::tuning_jobs, key_of(job.id));
  out_.writes.erase(family::study_records, key_of(job.id));
  out_.writes.range_deletes.push_back({family::trials, parts_prefix(job.id), parts_end(job.id)});
}

void changes::erase(const client_study& s) {
  touched_ = true;
  out_.writes.erase(family::studies, key_of(s.id));
  out_.writes.erase(family::study_records, key_of(s.id));
  out_.writes.range_deletes.push_back({family::trials, parts_prefix(s.id), parts_end(s.id)});
}

// -- replies --

void changes::answer(wire::frame<wire::Outcome> outcome) {
  if (request_ != 0) out_.replies.push_back({request_, std::move(outcome)});
}

void changes::answer_error(errc code, std::string message) {
  answer(wire::frame<wire::Outcome>::build([&](wire::Outcome::Builder outcome) {
    auto status = outcome.initError();
    status.setCode(static_cast<int32_t>(code));
    status.setMessage(wire::text(message));
  }));
}

void changes::answer_missing(wire::Command::Reader command, std::string_view collection,
                             uint64_t id) {
  answer_error(errc::not_found,
               fmt::format("There is no {}.",
                           resource_name(wire::view(command.getProject()),
                                         wire::view(command.getLocation()), collection, id)));
}

void changes::answer_problems(const std::vector<std::string>& problems) {
  answer_error(errc::invalid_argument, fmt::format("{}", fmt::join(problems, "\n")));
}

void changes::answer_empty() {
  answer(wire::frame<wire::Outcome>::build(
      [](wire::Outcome::Builder outcome) { outcome.setEmpty(); }));
}

void changes::answer_operation(uint64_t id) {
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setOperation(*operations_.at(id)); }));
}

void changes::answer_deletion(std::string_view project, std::string_view location) {
  uint64_t id = state_.next_id++;
  put_operation(id,
                deletion_operation(resource_name(project, location, "operations", id), state_.now));
  answer_operation(id);
}

// -- orders and lines --

void changes::send(const node& n, const std::function<void(wire::Order::Builder)>& fill) {
  if (!n.connected) return;
  out_.orders.push_back({n.name, wire::frame<wire::Order>::build([&](wire::Order::Builder order) {
                           order.setClusterId(wire::text(state_.cluster_id));
                           order.setEpoch(state_.epoch);
                           order.setSequence(state_.next_order++);
                           fill(order);
                         })});
}

void changes::log(custom_job& job, std::string_view severity, std::string message) {
  if (job.deleted) return;
  auto line = wire::frame<wire::ServiceLog>::build([&](wire::ServiceLog::Builder log) {
    log.setAtMicros(state_.now);
    log.setSeverity(wire::text(std::string(severity)));
    log.setMessage(wire::text(message));
  });
  out_.writes.put(family::service_logs, key_of(job.id, job.service_logs++), line.str());
  changed_attempt(job);
}

void changes::explain(custom_job& job, std::string reason) {
  if (job.reason == reason) return;
  job.reason = std::move(reason);
  changed_attempt(job);
}

} // namespace troupe::core
