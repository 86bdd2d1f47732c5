#include "core/studies/client_studies.hpp"

#include "base/names.hpp"
#include "core/state/study_records.hpp"
#include "core/state/trial_records.hpp"
#include "core/studies/measurements.hpp"
#include "core/validate/trial.hpp"
#include "core/validate/validate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::core {

using state = wire::Trial::State;

namespace {

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

void client_studies::create(wire::Study::Reader wanted, wire::Command::Reader command) {
  auto problems = problems_of(wanted);
  if (problems.empty())
    if (std::string missing = trials_.missing_prior(wanted.getStudySpec(), command);
        !missing.empty())
      problems.push_back(std::move(missing));
  if (!problems.empty()) return out_.answer_problems(problems);
  const std::string project = wire::str(command.getProject());
  const std::string location = wire::str(command.getLocation());
  for (const auto& [id, other] : state_.client_studies)
    if (other.project == project && other.location == location
        && wire::view(other.submitted->getDisplayName()) == wire::view(wanted.getDisplayName()))
      return out_.answer_error(
          errc::already_exists,
          fmt::format("displayName: '{}' is the name of {} already. Take another, or use that "
                      "study, which studies:lookup finds by its name.",
                      wire::view(wanted.getDisplayName()), other.name()));
  const uint64_t id = state_.next_id++;
  client_study& study = state_.client_studies[id];
  study.id = id;
  study.project = project;
  study.location = location;
  study.submitted =
      named_study(wanted, resource_name(project, location, "studies", id), state_.now);
  study.create_micros = study.update_micros = state_.now;
  out_.changed(study);
  trials_.end_by_rule(study);
  out_.answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setStudy(*resource_of(study)); }));
}

void client_studies::remove(uint64_t id, wire::Command::Reader command) {
  client_study* study = base_.find(id, command);
  if (!study) return;
  for (const pending_operation& waits : std::vector(study->pending))
    operations_.fail(*study, waits,
                     {errc::aborted, fmt::format("{} was deleted meanwhile.", study->name())});
  out_.erase(*study);
  trials_.arm(*study, std::nullopt);
  state_.client_studies.erase(id);
  out_.answer_empty();
}

// -- trials --

void client_studies::create_trial(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = base_.find(change.getStudy(), command);
  if (!study) return;
  const auto wanted = change.getTrial();
  if (auto problems = problems_of(study->spec(), wanted); !problems.empty())
    return out_.answer_problems(problems);
  const bool ended =
      wanted.getState() == state::SUCCEEDED || wanted.getState() == state::INFEASIBLE;
  if (!ended && study->over())
    return out_.answer_error(
        errc::failed_precondition,
        fmt::format("{} is COMPLETED ({}), so the trial would never be suggested. "
                    "Expected an ACTIVE study, or a trial that has ended already.",
                    study->name(), study->inactive_reason));
  trial made = trial_of(wanted);
  made.number = study->next_trial++;
  made.state = ended ? wanted.getState() : state::REQUESTED;
  made.client.clear();
  made.stopping_reason.clear();
  made.start_micros = ended ? state_.now : 0;
  made.end_micros = made.start_micros;
  made.job = 0;
  if (made.state == state::INFEASIBLE && made.infeasible_reason.empty())
    made.infeasible_reason = "The client gave no reason.";
  const trial& t = study->trials[made.number] = std::move(made);
  study->update_micros = state_.now;
  out_.changed(*study);
  out_.changed(*study, t);
  base_.answer_trial(*study, t);
  if (ended) base_.judge_end(*study);
  operations_.advance(*study);
}

void client_studies::delete_trial(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = base_.find(change.getStudy(), command);
  trial* t = study ? base_.find_trial(*study, change.getNumber()) : nullptr;
  if (!t) return;
  const uint32_t number = t->number;
  for (const pending_operation& waits : std::vector(study->pending))
    if (waits.checked == number)
      operations_.fail(
          *study, waits,
          {errc::aborted, fmt::format("{} was deleted meanwhile.", trial_name(*study, number))});
  out_.changed(*study, *t);
  out_.changed(*study);
  study->update_micros = state_.now;
  study->trials.erase(number);
  out_.answer_empty();
}

void client_studies::measure(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = base_.find(change.getStudy(), command);
  trial* t = study ? base_.find_running_trial(*study, change.getNumber(), "measured") : nullptr;
  if (!t) return;
  const auto wanted = change.getMeasurement();
  if (auto problems = problems_of_measurement(study->spec(), wanted, "measurement", false);
      !problems.empty())
    return out_.answer_problems(problems);
  auto m = next_measurement(*t, wanted, state_.now);
  if (!m) return out_.answer_error(m.error().code, m.error().message);
  t->measurements.push_back(std::move(*m));
  out_.changed(*study, *t);
  base_.answer_trial(*study, *t);
}

void client_studies::complete_trial(wire::TrialChange::Reader change,
                                    wire::Command::Reader command) {
  client_study* study = base_.find(change.getStudy(), command);
  trial* t = study ? base_.find_running_trial(*study, change.getNumber(), "completed") : nullptr;
  if (!t) return;
  const auto wanted = change.getCompletion();
  if (auto problems = problems_of(study->spec(), wanted); !problems.empty())
    return out_.answer_problems(problems);
  std::optional<measurement> final;
  std::string infeasible;
  if (wanted.getTrialInfeasible()) {
    infeasible = wire::str(wanted.getInfeasibleReason());
    if (infeasible.empty()) infeasible = "The client gave no reason.";
  } else if (wanted.hasFinalMeasurement()) {
    final = measurement_of(wanted.getFinalMeasurement());
    if (!wanted.getFinalMeasurement().hasElapsedDuration())
      final->elapsed_micros = std::max<int64_t>(0, state_.now - t->start_micros);
  } else {
    final = final_of(t->measurements, study->spec());
    if (!final)
      infeasible = fmt::format("The trial was completed without a finalMeasurement, and none of "
                               "its {} measurements has every metric of the study.",
                               t->measurements.size());
  }
  trials_.end(*study, *t, std::move(final), std::move(infeasible));
  for (const pending_operation& waits : std::vector(study->pending))
    if (waits.checked == t->number) operations_.finish_check(*study, waits, *t);
  out_.changed(*study);
  base_.answer_trial(*study, *t);
  base_.judge_end(*study);
  operations_.advance(*study);
}

void client_studies::stop_trial(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = base_.find(change.getStudy(), command);
  trial* t = study ? base_.find_running_trial(*study, change.getNumber(), "stopped") : nullptr;
  if (!t) return;
  if (t->state == state::ACTIVE) {
    t->state = state::STOPPING;
    t->stopping_reason = "The client stopped it.";
    study->update_micros = state_.now;
    out_.changed(*study);
    out_.changed(*study, *t);
  }
  base_.answer_trial(*study, *t);
}

} // namespace troupe::core
