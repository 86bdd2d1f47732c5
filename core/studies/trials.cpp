// What tuning jobs and Vizier's studies do alike: how a trial ends, when a study ends by its
// studyStoppingConfig, which trials its stopping rule cuts short, and what it learns from earlier
// studies.
#include "core/cluster/engine.hpp"
#include "core/state/trial_records.hpp"

#include <fmt/format.h>

namespace troupe::core {

study* engine::find_study(uint64_t id) {
  if (auto found = tuning_jobs_.find(id); found != tuning_jobs_.end()) return &found->second;
  if (auto found = client_studies_.find(id); found != client_studies_.end()) return &found->second;
  return nullptr;
}

void engine::end_trial(study& s, trial& t, std::optional<measurement> final,
                       std::string infeasible) {
  t.state = infeasible.empty() ? wire::Trial::State::SUCCEEDED : wire::Trial::State::INFEASIBLE;
  t.final_measurement = std::move(final);
  t.infeasible_reason = std::move(infeasible);
  t.end_micros = now_;
  s.update_micros = now_;
  changed(s, t);
}

/// Looked at before each suggestion, at each end of a trial, and when time alone may have ended it.
tuner::study_end engine::end_by_rule(study& s) {
  if (!s.spec().hasStudyStoppingConfig()) return {};
  auto frame = frame_of(s, detail_of_trials::without_measurements);
  tuner::study_end end = tuner::study_end_of(s.spec(), frame->getTrials(), s.create_micros, now_);
  arm(s, end.look_again_micros);
  return end;
}

void engine::arm(study& s, std::optional<int64_t> at_micros) {
  if (s.armed_micros == at_micros) return;
  if (s.armed_micros) study_timers_.erase({*s.armed_micros, s.id});
  // Stored, so that a restart looks again when it would have been done without one.
  if (auto tuning = tuning_jobs_.find(s.id); tuning != tuning_jobs_.end())
    changed(tuning->second);
  else
    changed(client_studies_.at(s.id));
  s.armed_micros = at_micros;
  if (at_micros) study_timers_.insert({*at_micros, s.id});
}

void engine::study_timer(uint64_t id) {
  study& s = *find_study(id);
  arm(s, std::nullopt);
  if (auto tuning = tuning_jobs_.find(id); tuning != tuning_jobs_.end())
    return judge_end(tuning->second);
  client_study& study = client_studies_.at(id);
  judge_end(study);
  advance(study);
}

void engine::ask_stoppings(study& s) {
  if (s.stoppings_asked) {
    s.stoppings_news = true;
    return;
  }
  bool wanted = false;
  stopping_request request{s.id, 0, {}};
  if (auto study = client_studies_.find(s.id); study != client_studies_.end()) {
    for (const pending_operation& waits : study->second.pending)
      if (waits.checked != 0) wanted = true, request.operation = waits.id;
  } else {
    for (const auto& [number, t] : s.trials)
      wanted |= t.state == wire::Trial::State::ACTIVE && !t.measurements.empty();
    wanted &= !tuning_jobs_.at(s.id).terminal() && !s.spec().isNoAutomatedStopping();
  }
  if (!wanted) return;
  s.stoppings_asked = true;
  s.stoppings_news = false;
  request.job = frame_of(s, detail_of_trials::whole);
  out_.stopping_requests.push_back(std::move(request));
}

void engine::stoppings(wire::Stoppings::Reader answer) {
  study* s = find_study(answer.getStudyId());
  if (!s) return;
  s->stoppings_asked = false;
  if (s->stoppings_news) wants_stoppings_.insert(s->id);
  if (auto study = client_studies_.find(s->id); study != client_studies_.end())
    return stoppings(study->second, answer);
  tuning_job& job = tuning_jobs_.at(s->id);
  if (job.terminal()) return;
  for (auto stop : answer.getTrials()) {
    auto found = job.trials.find(stop.getNumber());
    if (found != job.trials.end() && found->second.state == wire::Trial::State::ACTIVE)
      stop_early(job, found->second, wire::str(stop.getReason()));
  }
}

// -- earlier studies --

study* engine::prior_named(std::string_view name, std::string_view project,
                           std::string_view location) {
  const auto parts = parse_resource_name(name);
  if (!parts || parts->project != project || parts->location != location) return nullptr;
  study* found = find_study(parse_id(parts->id).value_or(0));
  return found && found->name() == name ? found : nullptr;
}

/// The first of the priorStudyNames that is not there, in a sentence.
std::string engine::missing_prior(wire::StudySpec::Reader spec, wire::Command::Reader command) {
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

/// Those that are still there: one deleted since is done without.
std::vector<study_frame> engine::priors_of(const study& s) {
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
