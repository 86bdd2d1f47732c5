#include "core/studies/client_study_base.hpp"

#include "core/state/trial_records.hpp"

#include <fmt/format.h>

namespace troupe::core {

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

} // namespace

client_study* client_study_base::find(uint64_t id, wire::Command::Reader command) {
  auto found = state_.client_studies.find(id);
  if (found != state_.client_studies.end()
      && found->second.project == wire::view(command.getProject())
      && found->second.location == wire::view(command.getLocation()))
    return &found->second;
  out_.answer_missing(command, "studies", id);
  return nullptr;
}

trial* client_study_base::find_trial(client_study& study, uint32_t number) {
  auto found = study.trials.find(number);
  if (found != study.trials.end()) return &found->second;
  out_.answer_error(errc::not_found, fmt::format("There is no {}.", trial_name(study, number)));
  return nullptr;
}

trial* client_study_base::find_running_trial(client_study& study, uint32_t number,
                                             std::string_view wish) {
  trial* t = find_trial(study, number);
  if (!t || t->state == state::ACTIVE || t->state == state::STOPPING) return t;
  const bool waits = t->state == state::REQUESTED;
  out_.answer_error(errc::failed_precondition,
                    fmt::format("{} is {}, so it cannot be {}; expected ACTIVE or STOPPING. {}",
                                trial_name(study, number), name_of(t->state), wish,
                                waits ? "Ask for it with trials:suggest first."
                                      : "A trial that has ended stays as it is."));
  return nullptr;
}

void client_study_base::answer_trial(const client_study& study, const trial& t) {
  out_.answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setTrial(*record_of(study, t)); }));
}

void client_study_base::judge_end(client_study& study) {
  const tuner::study_end end = trials_.end_by_rule(study);
  if (!end.reason) return;
  if (!study.over()) complete(study, *end.reason);
  if (!end.asap) return;
  for (auto& [number, t] : study.trials) {
    if (t.state != state::ACTIVE) continue;
    t.state = state::STOPPING;
    t.stopping_reason = *end.reason;
    out_.changed(study, t);
  }
}

void client_study_base::complete(client_study& study, std::string reason) {
  study.state = wire::Study::State::COMPLETED;
  study.inactive_reason = std::move(reason);
  study.update_micros = state_.now;
  out_.changed(study);
}

} // namespace troupe::core
