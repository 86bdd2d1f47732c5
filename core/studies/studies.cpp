// Vizier's studies (vertex.md §1.4): somebody tunes something anywhere, and asks here what to try
// next. This file holds the studies and their trials; study_operations.cpp what the tuner computes
// for them.
//
// What is stored, and so what the API reads:
//   studies        key_of(study): wire::Study.
//   study_records  key_of(study): wire::StudyRecord, for the controller's own use.
//   trials         key_of(study) + "/" + ten digits of the number: wire::Trial, with its full name.
//                  The trials of tuning jobs stand in the same family, under the job's id; the
//                  job's own record has no trials[].
//   operations     key_of(operation): wire::Operation. A suggestion's response is a
//                  SuggestTrialsResponse, a check's a CheckTrialEarlyStoppingStateResponse, each
//                  with its "@type"; both may be in the reply to the request already, done.
// Replies: studies.create -> study; trials.create, addMeasurement, complete, stop -> trial; suggest
// and checkEarlyStopping -> operation; deletions -> empty.
#include "core/cluster/engine.hpp"
#include "core/state/records.hpp"
#include "core/state/trial_records.hpp"
#include "core/studies/measurements.hpp"
#include "core/validate/trial.hpp"
#include "core/validate/validate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

using store::family;
using store::key_of;
using state = wire::Trial::State;

namespace {

std::string_view name_of(state of) {
  switch (of) {
  case state::REQUESTED:
    return "REQUESTED";
  case state::ACTIVE:
    return "ACTIVE";
  case state::STOPPING:
    return "STOPPING";
  case state::SUCCEEDED:
    return "SUCCEEDED";
  case state::INFEASIBLE:
    return "INFEASIBLE";
  default:
    return "STATE_UNSPECIFIED";
  }
}

std::string place_of(const measurement& m) {
  return fmt::format("({}, {}s)", m.step, static_cast<double>(m.elapsed_micros) / 1e6);
}

/// The measurement with the time it was taken at, or why it cannot be the next one.
result<measurement> next_measurement(const trial& t, wire::Measurement::Reader from, int64_t now) {
  measurement m = measurement_of(from);
  const measurement* last = t.measurements.empty() ? nullptr : &t.measurements.back();
  // Who counts neither steps nor seconds has them counted here. With a step of its own, the same
  // one again is a repetition.
  if (!from.hasElapsedDuration()) {
    m.elapsed_micros = std::max<int64_t>(0, now - t.start_micros);
    if (last && last->step == m.step && m.step == 0)
      m.elapsed_micros = std::max(m.elapsed_micros, last->elapsed_micros + 1);
    else if (last && last->step == m.step)
      m.elapsed_micros = last->elapsed_micros;
  }
  if (last && std::pair(m.step, m.elapsed_micros) <= std::pair(last->step, last->elapsed_micros))
    return fail(errc::invalid_argument,
                "measurement: (stepCount, elapsedDuration) is {}; expected later than {}, which is "
                "the last one of the trial: measurements are added in order, each once",
                place_of(m), place_of(*last));
  if (t.measurements.size() >= measurements_max)
    return fail(errc::resource_exhausted,
                "measurement: the trial has {} already, the most that one can have; report fewer "
                "steps",
                t.measurements.size());
  return m;
}

} // namespace

void engine::create_study(wire::Study::Reader wanted, wire::Command::Reader command) {
  auto problems = problems_of(wanted);
  if (problems.empty())
    if (std::string missing = missing_prior(wanted.getStudySpec(), command); !missing.empty())
      problems.push_back(std::move(missing));
  if (!problems.empty()) return answer_problems(problems);
  const std::string project = wire::str(command.getProject());
  const std::string location = wire::str(command.getLocation());
  for (const auto& [id, other] : client_studies_)
    if (other.project == project && other.location == location
        && wire::view(other.submitted->getDisplayName()) == wire::view(wanted.getDisplayName()))
      return answer_error(
          errc::already_exists,
          fmt::format("displayName: '{}' is the name of {} already. Take another, or use that "
                      "study, which studies:lookup finds by its name.",
                      wire::view(wanted.getDisplayName()), other.name()));
  const uint64_t id = next_id_++;
  client_study& study = client_studies_[id];
  study.id = id;
  study.project = project;
  study.location = location;
  study.submitted = named_study(wanted, resource_name(project, location, "studies", id), now_);
  study.create_micros = study.update_micros = now_;
  changed(study);
  end_by_rule(study);
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setStudy(*resource_of(study)); }));
}

client_study* engine::find_client_study(uint64_t id, wire::Command::Reader command) {
  auto found = client_studies_.find(id);
  if (found != client_studies_.end() && found->second.project == wire::view(command.getProject())
      && found->second.location == wire::view(command.getLocation()))
    return &found->second;
  answer_missing(command, "studies", id);
  return nullptr;
}

trial* engine::find_trial(client_study& study, uint32_t number) {
  auto found = study.trials.find(number);
  if (found != study.trials.end()) return &found->second;
  answer_error(errc::not_found, fmt::format("There is no {}.", trial_name(study, number)));
  return nullptr;
}

/// `wish`: "measured", "stopped", ...
trial* engine::find_running_trial(client_study& study, uint32_t number, std::string_view wish) {
  trial* t = find_trial(study, number);
  if (!t || t->state == state::ACTIVE || t->state == state::STOPPING) return t;
  const bool waits = t->state == state::REQUESTED;
  answer_error(errc::failed_precondition,
               fmt::format("{} is {}, so it cannot be {}; expected ACTIVE or STOPPING. {}",
                           trial_name(study, number), name_of(t->state), wish,
                           waits ? "Ask for it with trials:suggest first."
                                 : "A trial that has ended stays as it is."));
  return nullptr;
}

void engine::delete_study(uint64_t id, wire::Command::Reader command) {
  client_study* study = find_client_study(id, command);
  if (!study) return;
  for (const pending_operation& waits : std::vector(study->pending))
    fail_operation(*study, waits,
                   {errc::aborted, fmt::format("{} was deleted meanwhile.", study->name())});
  touched_ = true;
  out_.writes.erase(family::studies, key_of(id));
  out_.writes.erase(family::study_records, key_of(id));
  // '0' follows '/', so this is every key that starts with the study's.
  out_.writes.range_deletes.push_back({family::trials, parts_prefix(id), parts_end(id)});
  arm(*study, std::nullopt);
  client_studies_.erase(id);
  answer_empty();
}

// -- trials --

void engine::answer_trial(const client_study& study, const trial& t) {
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTrial(*record_of(study, t)); }));
}

void engine::create_trial(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = find_client_study(change.getStudy(), command);
  if (!study) return;
  const auto wanted = change.getTrial();
  if (auto problems = problems_of(study->spec(), wanted); !problems.empty())
    return answer_problems(problems);
  const bool ended =
      wanted.getState() == state::SUCCEEDED || wanted.getState() == state::INFEASIBLE;
  if (!ended && study->over())
    return answer_error(errc::failed_precondition,
                        fmt::format("{} is COMPLETED ({}), so the trial would never be suggested. "
                                    "Expected an ACTIVE study, or a trial that has ended already.",
                                    study->name(), study->inactive_reason));
  trial made = trial_of(wanted);
  made.number = study->next_trial++;
  made.state = ended ? wanted.getState() : state::REQUESTED;
  made.client.clear();
  made.stopping_reason.clear();
  made.start_micros = ended ? now_ : 0;
  made.end_micros = made.start_micros;
  made.job = 0;
  if (made.state == state::INFEASIBLE && made.infeasible_reason.empty())
    made.infeasible_reason = "The client gave no reason.";
  const trial& t = study->trials[made.number] = std::move(made);
  study->update_micros = now_;
  changed(*study);
  changed(*study, t);
  answer_trial(*study, t);
  if (ended) judge_end(*study);
  advance(*study);
}

void engine::delete_trial(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = find_client_study(change.getStudy(), command);
  trial* t = study ? find_trial(*study, change.getNumber()) : nullptr;
  if (!t) return;
  const uint32_t number = t->number;
  for (const pending_operation& waits : std::vector(study->pending))
    if (waits.checked == number)
      fail_operation(
          *study, waits,
          {errc::aborted, fmt::format("{} was deleted meanwhile.", trial_name(*study, number))});
  changed(*study, *t);
  changed(*study);
  study->update_micros = now_;
  study->trials.erase(number);
  answer_empty();
}

void engine::add_measurement(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = find_client_study(change.getStudy(), command);
  trial* t = study ? find_running_trial(*study, change.getNumber(), "measured") : nullptr;
  if (!t) return;
  const auto wanted = change.getMeasurement();
  if (auto problems = problems_of_measurement(study->spec(), wanted, "measurement", false);
      !problems.empty())
    return answer_problems(problems);
  auto m = next_measurement(*t, wanted, now_);
  if (!m) return answer_error(m.error().code, m.error().message);
  t->measurements.push_back(std::move(*m));
  changed(*study, *t);
  answer_trial(*study, *t);
}

void engine::complete_trial(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = find_client_study(change.getStudy(), command);
  trial* t = study ? find_running_trial(*study, change.getNumber(), "completed") : nullptr;
  if (!t) return;
  const auto wanted = change.getCompletion();
  if (auto problems = problems_of(study->spec(), wanted); !problems.empty())
    return answer_problems(problems);
  std::optional<measurement> final;
  std::string infeasible;
  if (wanted.getTrialInfeasible()) {
    infeasible = wire::str(wanted.getInfeasibleReason());
    if (infeasible.empty()) infeasible = "The client gave no reason.";
  } else if (wanted.hasFinalMeasurement()) {
    final = measurement_of(wanted.getFinalMeasurement());
    if (!wanted.getFinalMeasurement().hasElapsedDuration())
      final->elapsed_micros = std::max<int64_t>(0, now_ - t->start_micros);
  } else {
    final = final_of(t->measurements, study->spec());
    if (!final)
      infeasible = fmt::format("The trial was completed without a finalMeasurement, and none of "
                               "its {} measurements has every metric of the study.",
                               t->measurements.size());
  }
  end_trial(*study, *t, std::move(final), std::move(infeasible));
  for (const pending_operation& waits : std::vector(study->pending))
    if (waits.checked == t->number) finish_check(*study, waits, t);
  changed(*study);
  answer_trial(*study, *t);
  judge_end(*study);
  advance(*study);
}

void engine::stop_trial(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = find_client_study(change.getStudy(), command);
  trial* t = study ? find_running_trial(*study, change.getNumber(), "stopped") : nullptr;
  if (!t) return;
  if (t->state == state::ACTIVE) {
    t->state = state::STOPPING;
    t->stopping_reason = "The client stopped it.";
    study->update_micros = now_;
    changed(*study);
    changed(*study, *t);
  }
  answer_trial(*study, *t);
}

// -- the end --

void engine::judge_end(client_study& study) {
  tuner::study_end end = end_by_rule(study);
  if (!end.reason) return;
  if (!study.over()) complete_study(study, *end.reason);
  if (!end.asap) return;
  for (auto& [number, t] : study.trials) {
    if (t.state != state::ACTIVE) continue;
    t.state = state::STOPPING;
    t.stopping_reason = *end.reason;
    changed(study, t);
  }
}

void engine::complete_study(client_study& study, std::string reason) {
  study.state = wire::Study::State::COMPLETED;
  study.inactive_reason = std::move(reason);
  study.update_micros = now_;
  changed(study);
}

} // namespace troupe::core
