// What tuning jobs and Vizier's studies do alike: how a trial ends, when a study ends by its
// studyStoppingConfig, which trials its stopping rule cuts short, and what it learns from earlier
// studies.
#include "core/cluster/engine.hpp"
#include "core/state/trial_records.hpp"

#include <fmt/format.h>

#include <charconv>

namespace troupe::core {

trial_book* engine::find_book(uint64_t id) {
  if (auto found = tuning_.find(id); found != tuning_.end()) return &found->second;
  if (auto found = studies_.find(id); found != studies_.end()) return &found->second;
  return nullptr;
}

void engine::end_trial(trial_book& book, trial& t, std::optional<measurement> final,
                       std::string infeasible) {
  t.state = infeasible.empty() ? wire::Trial::State::SUCCEEDED : wire::Trial::State::INFEASIBLE;
  t.final_measurement = std::move(final);
  t.infeasible_reason = std::move(infeasible);
  t.end_micros = now_;
  book.update_micros = now_;
  changed(book, t);
}

/// Looked at before each suggestion, at each end of a trial, and when time alone may have ended it.
study_end engine::end_by_rule(trial_book& book) {
  if (!book.spec().hasStudyStoppingConfig()) return {};
  auto frame = frame_of(book, detail_of_trials::without_measurements);
  study_end end = study_end_of(book.spec(), frame->getTrials(), book.create_micros, now_);
  arm(book, end.look_again_micros);
  return end;
}

void engine::arm(trial_book& book, std::optional<int64_t> at_micros) {
  if (book.armed_micros == at_micros) return;
  if (book.armed_micros) book_timers_.erase({*book.armed_micros, book.id});
  // Stored, so that a restart looks again when it would have been done without one.
  if (auto tuning = tuning_.find(book.id); tuning != tuning_.end())
    changed(tuning->second);
  else
    changed(studies_.at(book.id));
  book.armed_micros = at_micros;
  if (at_micros) book_timers_.insert({*at_micros, book.id});
}

void engine::book_timer(uint64_t id) {
  trial_book& book = *find_book(id);
  arm(book, std::nullopt);
  if (auto tuning = tuning_.find(id); tuning != tuning_.end()) return judge_end(tuning->second);
  vizier_study& study = studies_.at(id);
  judge_end(study);
  advance(study);
}

void engine::ask_stoppings(trial_book& book) {
  if (book.stoppings_asked) {
    book.stoppings_news = true;
    return;
  }
  bool wanted = false;
  stopping_request request{book.id, 0, {}};
  if (auto study = studies_.find(book.id); study != studies_.end()) {
    for (const pending_operation& waits : study->second.pending)
      if (waits.checked != 0) wanted = true, request.operation = waits.id;
  } else {
    for (const auto& [number, t] : book.trials)
      wanted |= t.state == wire::Trial::State::ACTIVE && !t.measurements.empty();
    wanted &= !tuning_.at(book.id).terminal() && !book.spec().isNoAutomatedStopping();
  }
  if (!wanted) return;
  book.stoppings_asked = true;
  book.stoppings_news = false;
  request.job = frame_of(book, detail_of_trials::whole);
  out_.stopping_requests.push_back(std::move(request));
}

void engine::stoppings(wire::Stoppings::Reader answer) {
  trial_book* book = find_book(answer.getStudyId());
  if (!book) return;
  book->stoppings_asked = false;
  if (book->stoppings_news) wants_stoppings_.insert(book->id);
  if (auto study = studies_.find(book->id); study != studies_.end())
    return stoppings(study->second, answer);
  tuning_job& job = tuning_.at(book->id);
  if (job.terminal()) return;
  for (auto stop : answer.getTrials()) {
    auto found = job.trials.find(stop.getNumber());
    if (found != job.trials.end() && found->second.state == wire::Trial::State::ACTIVE)
      stop_early(job, found->second, wire::str(stop.getReason()));
  }
}

// -- earlier studies --

trial_book* engine::prior_named(std::string_view name, std::string_view project,
                                std::string_view location) {
  for (std::string_view collection : {"studies", "hyperparameterTuningJobs"}) {
    const auto prefix = fmt::format("projects/{}/locations/{}/{}/", project, location, collection);
    if (!name.starts_with(prefix)) continue;
    uint64_t id = 0;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), id);
    trial_book* found = find_book(id);
    return found && found->name() == name ? found : nullptr;
  }
  return nullptr;
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
std::vector<study_frame> engine::priors_of(const trial_book& book) {
  const auto config = book.spec().getTransferLearningConfig();
  std::vector<study_frame> priors;
  if (config.getDisableTransferLearning()) return priors;
  for (auto name : config.getPriorStudyNames())
    if (const trial_book* prior = prior_named(wire::view(name), book.project, book.location))
      priors.push_back(frame_of(*prior, detail_of_trials::without_measurements,
                                [](const trial& t) { return t.ended(); }));
  return priors;
}

} // namespace troupe::core
