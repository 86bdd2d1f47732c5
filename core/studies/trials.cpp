#include "core/studies/trials.hpp"

#include "base/names.hpp"
#include "core/state/trial_records.hpp"

#include <fmt/format.h>

namespace troupe::core {

void trials::end(study& s, trial& t, std::optional<measurement> final, std::string infeasible) {
  t.state = infeasible.empty() ? wire::Trial::State::SUCCEEDED : wire::Trial::State::INFEASIBLE;
  t.final_measurement = std::move(final);
  t.infeasible_reason = std::move(infeasible);
  t.end_micros = state_.now;
  s.update_micros = state_.now;
  out_.changed(s, t);
}

tuner::study_end trials::end_by_rule(study& s) {
  if (!s.spec().hasStudyStoppingConfig()) return {};
  auto frame = frame_of(s, detail_of_trials::without_measurements);
  tuner::study_end end =
      tuner::study_end_of(s.spec(), frame->getTrials(), s.create_micros, state_.now);
  arm(s, end.look_again_micros);
  return end;
}

void trials::arm(study& s, std::optional<int64_t> at_micros) {
  if (s.look_again_micros == at_micros) return;
  // Stored, so that a restarted controller looks again when it would have without a restart.
  out_.changed(s);
  s.look_again_micros = at_micros;
  if (at_micros)
    timers_.arm(timer::of_study(s.id), *at_micros);
  else
    timers_.disarm(timer::of_study(s.id));
}

// -- the tuner --

/// `operation`: the last check of a client study that waits for the answer.
bool trials::use_for_stoppings(const study& s, uint64_t& operation) const {
  bool wanted = false;
  if (auto found = state_.client_studies.find(s.id); found != state_.client_studies.end()) {
    for (const pending_operation& waits : found->second.pending)
      if (waits.checked != 0) wanted = true, operation = waits.id;
    return wanted;
  }
  for (const auto& [number, t] : s.trials)
    wanted |= t.state == wire::Trial::State::ACTIVE && !t.measurements.empty();
  return wanted && !state_.tuning_jobs.at(s.id).terminal() && !s.spec().isNoAutomatedStopping();
}

void trials::ask_stoppings(study& s) {
  if (s.stoppings_asked) {
    s.stoppings_news = true;
    return;
  }
  stopping_request request{s.id, 0, {}};
  if (!use_for_stoppings(s, request.operation)) return;
  s.stoppings_asked = true;
  s.stoppings_news = false;
  request.job = frame_of(s, detail_of_trials::whole);
  out_.ask(std::move(request));
}

// -- earlier studies --

study* trials::prior_named(std::string_view name, std::string_view project,
                           std::string_view location) {
  const auto parts = parse_resource_name(name);
  if (!parts || parts->project != project || parts->location != location) return nullptr;
  study* found = state_.find_study(parse_id(parts->id).value_or(0));
  return found && found->name() == name ? found : nullptr;
}

std::string trials::missing_prior(wire::StudySpec::Reader spec, wire::Command::Reader command) {
  const auto names = spec.getTransferLearningConfig().getPriorStudyNames();
  const auto project = wire::view(command.getProject());
  const auto location = wire::view(command.getLocation());
  for (uint32_t i = 0; i < names.size(); ++i)
    if (!prior_named(wire::view(names[i]), project, location))
      return fmt::format("studySpec.transferLearningConfig.priorStudyNames[{}]: '{}' does not "
                         "exist; expected a study or hyperparameter tuning job of the same project "
                         "and location, such as projects/{}/locations/{}/studies/<id>",
                         i, wire::view(names[i]), project, location);
  return {};
}

std::vector<study_frame> trials::priors_of(const study& s) {
  const auto config = s.spec().getTransferLearningConfig();
  std::vector<study_frame> priors;
  if (config.getDisableTransferLearning()) return priors;
  for (auto name : config.getPriorStudyNames())
    if (const study* prior = prior_named(wire::view(name), s.project, s.location))
      priors.push_back(frame_of(*prior, detail_of_trials::without_measurements,
                                [](const trial& t) { return t.ended(); }));
  return priors;
}

} // namespace troupe::core
