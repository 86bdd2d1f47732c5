#include "core/cluster/cluster.hpp"

#include "core/cluster/engine.hpp"
#include "core/state/records.hpp"
#include "core/state/trial_records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe::core {

using store::family;
using store::key_of;

struct cluster::impl {
  std::unique_ptr<engine> state;
};

cluster::cluster(settings with, std::string cluster_id)
    : impl_(new impl{std::make_unique<engine>(std::move(with), std::move(cluster_id))}) {}
cluster::cluster(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
cluster::~cluster() = default;

result<std::pair<std::unique_ptr<cluster>, effects>>
cluster::recover(settings with, std::string fresh_cluster_id, instant now, const scanner& scan) {
  auto state = engine::recover(std::move(with), std::move(fresh_cluster_id), now, scan);
  if (!state) return std::unexpected(state.error());
  std::unique_ptr<impl> recovered(new impl{std::move(state->first)});
  return std::pair(std::unique_ptr<cluster>(new cluster(std::move(recovered))),
                   std::move(state->second));
}

effects cluster::on(const wire::frame<wire::Event>& event) { return impl_->state->step(event); }
std::optional<instant> cluster::wake_at() const { return impl_->state->wake_at(); }
const std::string& cluster::id() const { return impl_->state->id(); }
uint64_t cluster::epoch() const { return impl_->state->epoch(); }
std::optional<std::string> cluster::violated_invariant() const {
  return impl_->state->violated_invariant();
}

engine::engine(settings with, std::string cluster_id)
    : settings_(std::move(with)), cluster_id_(std::move(cluster_id)) {}

effects engine::step(const wire::frame<wire::Event>& event) {
  out_ = {};
  now_ = event->getAtMicros();
  request_ = event->getRequest();
  handle(*event);
  bool recovering =
      event->isNodeDown() && wire::view(event->getNodeDown().getReason()) == restart_reason;
  if (!recovering) {
    run_timers();
    // A study that is over stops its trials, which makes room.
    for (uint64_t id : std::set(wants_suggestions_))
      if (auto found = tuning_jobs_.find(id); found != tuning_jobs_.end()) judge_end(found->second);
    place_queued();
  }
  refresh_reasons();
  for (uint64_t id : std::exchange(wants_suggestions_, {}))
    if (auto found = tuning_jobs_.find(id); found != tuning_jobs_.end()) ask(found->second);
  if (!recovering)
    for (uint64_t id : std::exchange(wants_stoppings_, {}))
      if (study* s = find_study(id)) ask_stoppings(*s);
  flush(event);
  return std::move(out_);
}

void engine::handle(wire::Event::Reader event) {
  switch (event.which()) {
  case wire::Event::TICK:
    break;
  case wire::Event::COMMAND:
    command(event.getCommand(), wire::view(event.getSecret()));
    break;
  case wire::Event::NODE_UP:
    node_up(event.getNodeUp());
    break;
  case wire::Event::NODE_DOWN:
    node_down(event.getNodeDown());
    break;
  case wire::Event::REPORT:
    report(event.getReport());
    break;
  case wire::Event::SUGGESTIONS:
    suggestions(event.getSuggestions(), wire::view(event.getSecret()));
    break;
  case wire::Event::STOPPINGS:
    stoppings(event.getStoppings());
    break;
  }
}

void engine::command(wire::Command::Reader what, std::string_view secret) {
  switch (what.which()) {
  case wire::Command::CREATE_CUSTOM_JOB:
    return create_custom_job(what.getCreateCustomJob(), what, secret);
  case wire::Command::CREATE_TUNING_JOB:
    return create_tuning_job(what.getCreateTuningJob(), what, secret);
  case wire::Command::CANCEL_CUSTOM_JOB:
    return cancel_custom_job(what.getCancelCustomJob(), what);
  case wire::Command::CANCEL_TUNING_JOB:
    return cancel_tuning_job(what.getCancelTuningJob(), what);
  case wire::Command::DELETE_CUSTOM_JOB:
    return delete_custom_job(what.getDeleteCustomJob(), what);
  case wire::Command::DELETE_TUNING_JOB:
    return delete_tuning_job(what.getDeleteTuningJob(), what);
  case wire::Command::RESUME_TUNING_JOB:
    return resume_tuning_job(what.getResumeTuningJob(), what);
  case wire::Command::CREATE_STUDY:
    return create_study(what.getCreateStudy(), what);
  case wire::Command::DELETE_STUDY:
    return delete_study(what.getDeleteStudy(), what);
  case wire::Command::CREATE_TRIAL:
    return create_trial(what.getCreateTrial(), what);
  case wire::Command::DELETE_TRIAL:
    return delete_trial(what.getDeleteTrial(), what);
  case wire::Command::SUGGEST_TRIALS:
    return suggest_trials(what.getSuggestTrials(), what);
  case wire::Command::ADD_MEASUREMENT:
    return add_measurement(what.getAddMeasurement(), what);
  case wire::Command::COMPLETE_TRIAL:
    return complete_trial(what.getCompleteTrial(), what);
  case wire::Command::CHECK_EARLY_STOPPING:
    return check_early_stopping(what.getCheckEarlyStopping(), what);
  case wire::Command::STOP_TRIAL:
    return stop_trial(what.getStopTrial(), what);
  }
  answer_error(errc::unimplemented, "This controller does not know the command.");
}

std::optional<instant> engine::wake_at() const {
  std::optional<int64_t> first;
  if (!job_timers_.empty()) first = job_timers_.begin()->first;
  if (!node_timers_.empty())
    first = std::min(first.value_or(INT64_MAX), node_timers_.begin()->first);
  if (!study_timers_.empty())
    first = std::min(first.value_or(INT64_MAX), study_timers_.begin()->first);
  if (!wants_stoppings_.empty()) first = now_;
  if (!first) return std::nullopt;
  return instant_of(*first);
}

void engine::run_timers() {
  // Each is taken out before it acts and arms itself anew for later than now, so this ends.
  while (!node_timers_.empty() && node_timers_.begin()->first <= now_) {
    node& n = nodes_.at(node_timers_.begin()->second);
    node_timers_.erase(node_timers_.begin());
    n.armed_micros.reset();
    node_lost(n, fmt::format("node {} has been away for {} s", n.name,
                             (now_ - n.last_seen_micros) / 1'000'000));
  }
  while (!job_timers_.empty() && job_timers_.begin()->first <= now_) {
    custom_job& job = jobs_.at(job_timers_.begin()->second);
    job_timers_.erase(job_timers_.begin());
    job.armed_micros.reset();
    job_timer(job);
  }
  while (!study_timers_.empty() && study_timers_.begin()->first <= now_)
    study_timer(study_timers_.begin()->second);
}

void engine::answer(wire::frame<wire::Outcome> outcome) {
  if (request_ != 0) out_.replies.push_back({request_, std::move(outcome)});
}

void engine::answer_error(errc code, std::string message) {
  answer(wire::frame<wire::Outcome>::build([&](wire::Outcome::Builder outcome) {
    auto status = outcome.initError();
    status.setCode(static_cast<int32_t>(code));
    status.setMessage(wire::text(message));
  }));
}

void engine::answer_missing(wire::Command::Reader command, std::string_view collection,
                            uint64_t id) {
  answer_error(errc::not_found,
               fmt::format("There is no {}.",
                           resource_name(wire::view(command.getProject()),
                                         wire::view(command.getLocation()), collection, id)));
}

void engine::answer_problems(const std::vector<std::string>& problems) {
  answer_error(errc::invalid_argument, fmt::format("{}", fmt::join(problems, "\n")));
}

void engine::answer_empty() {
  answer(wire::frame<wire::Outcome>::build(
      [](wire::Outcome::Builder outcome) { outcome.setEmpty(); }));
}

void engine::answer_deletion(std::string_view project, std::string_view location) {
  uint64_t id = next_id_++;
  put_operation(id, deletion_operation(resource_name(project, location, "operations", id), now_));
  answer_operation(id);
}

void engine::say(custom_job& job, std::string_view severity, std::string message) {
  auto line = wire::frame<wire::ServiceLog>::build([&](wire::ServiceLog::Builder log) {
    log.setAtMicros(now_);
    log.setSeverity(wire::text(std::string(severity)));
    log.setMessage(wire::text(message));
  });
  if (job.deleted) return;
  out_.writes.put(family::service_logs, key_of(job.id, job.service_logs++), line.str());
  changed_attempt(job);
}

void engine::explain(custom_job& job, std::string reason) {
  if (job.reason == reason) return;
  job.reason = std::move(reason);
  changed_attempt(job);
}

void engine::write_records() {
  for (uint64_t id : std::exchange(dirty_jobs_, {}))
    if (auto found = jobs_.find(id); found != jobs_.end() && !found->second.deleted)
      out_.writes.put(family::custom_jobs, key_of(id), resource_of(found->second).str());
  for (uint64_t id : std::exchange(dirty_tuning_, {}))
    if (auto found = tuning_jobs_.find(id); found != tuning_jobs_.end()) {
      out_.writes.put(family::tuning_jobs, key_of(id), resource_of(found->second).str());
      out_.writes.put(family::attempts, key_of(id), record_of(found->second).str());
    }
  for (uint64_t id : std::exchange(dirty_studies_, {}))
    if (auto found = client_studies_.find(id); found != client_studies_.end()) {
      out_.writes.put(family::studies, key_of(id), resource_of(found->second).str());
      out_.writes.put(family::study_records, key_of(id), record_of(found->second).str());
    }
  for (const auto& [id, number] : std::exchange(dirty_trials_, {}))
    if (const study* s = find_study(id)) {
      if (auto t = s->trials.find(number); t != s->trials.end())
        out_.writes.put(family::trials, trial_key(id, number), record_of(*s, t->second).str());
      else
        out_.writes.erase(family::trials, trial_key(id, number));
    }
  for (const auto& [id, operation] : std::exchange(dirty_operations_, {}))
    out_.writes.put(family::operations, key_of(id), operation.str());
  for (uint64_t id : std::exchange(dropped_, {})) {
    jobs_.erase(id);
    out_.writes.erase(family::attempts, key_of(id));
  }
  for (uint64_t id : std::exchange(dirty_attempts_, {}))
    if (auto found = jobs_.find(id); found != jobs_.end())
      out_.writes.put(family::attempts, key_of(id), record_of(found->second).str());
  for (const std::string& name : std::exchange(dirty_nodes_, {}))
    out_.writes.put(family::nodes, name, record_of(nodes_.at(name)).str());
}

void engine::write_cluster_record() {
  out_.writes.put(family::meta, "cluster",
                  wire::frame<wire::ClusterRecord>::build([&](wire::ClusterRecord::Builder record) {
                    record.setClusterId(wire::text(cluster_id_));
                    record.setEpoch(epoch_);
                    record.setNextId(next_id_);
                    record.setNextEvent(next_event_);
                    record.setNextOrder(next_order_);
                  }).str());
}

void engine::flush(const wire::frame<wire::Event>& event) {
  write_records();
  if (!std::exchange(touched_, false)) return;
  uint64_t sequence = next_event_++;
  out_.writes.put(family::events, key_of(sequence), event.str());
  // The log is cut now and then, not at each event: a range delete leaves a tombstone to read over.
  if (sequence % 1024 == 0 && sequence > settings_.events_retained)
    out_.writes.range_deletes.push_back(
        {family::events, key_of(0), key_of(sequence - settings_.events_retained + 1)});
  write_cluster_record();
}

} // namespace troupe::core
