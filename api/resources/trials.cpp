// Trials of a study: suggested, measured and completed by clients. Reads come from the committed
// state; everything that changes something is a command to the controller, once the study and the
// trial are known to exist.
#include "api/backend/lookup.hpp"
#include "api/backend/stored_trials.hpp"
#include "api/query/json_writer.hpp"
#include "api/query/paging.hpp"
#include "api/resources/command.hpp"
#include "api/resources/outcome.hpp"

#include <limits>

namespace troupe::api {

namespace {

using change_builder = wire::TrialChange::Builder;

struct known_study {
  uint64_t id = 0;
  wire::frame<wire::Study> study;
};

result<known_study> study_of(const context& all, const place& at) {
  place study{.parent = at.parent, .id = at.above.front()};
  auto found = named<wire::Study>(all, store::family::studies, "studies", study);
  if (!found) return std::unexpected(found.error());
  return known_study{*id_of(study.id), std::move(*found)};
}

struct known_trial {
  uint64_t study = 0;
  uint32_t number = 0;
  wire::frame<wire::Trial> trial;
};

result<known_trial> trial_at(const context& all, const place& at) {
  auto study = study_of(all, at);
  if (!study) return std::unexpected(study.error());
  auto missing = no_such_resource(
      all, fmt::format("{}/trials/{}", wire::view(study->study->getName()), at.id));
  auto number = id_of(at.id);
  if (!number || *number > std::numeric_limits<uint32_t>::max()) return std::unexpected(missing);
  auto key = fmt::format("{}/{:010}", store::key_of(study->id), *number);
  auto found = stored<wire::Trial>(all.database(), store::family::trials, key);
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::unexpected(missing);
  return known_trial{study->id, uint32_t(*number), std::move(**found)};
}

void execute(const context& all, const request& from, const scope& parent, answer done,
             const std::function<void(wire::Command::Builder)>& fill) {
  all.cluster.execute(command_for(parent, fill), outcome_answer(from.json(), std::move(done)));
}

/// A command about a study; the change names no trial yet.
void change_study(const context& all, const request& from, const place& at, answer done,
                  change_builder (wire::Command::Builder::*init)(),
                  const std::function<void(change_builder)>& fill) {
  auto study = study_of(all, at);
  if (!study) return done(error_response(study.error()));
  execute(all, from, at.parent, std::move(done), [&](wire::Command::Builder command) {
    auto change = (command.*init)();
    change.setStudy(study->id);
    fill(change);
  });
}

void change_trial(const context& all, const request& from, const place& at, answer done,
                  change_builder (wire::Command::Builder::*init)(),
                  const std::function<void(change_builder)>& fill) {
  auto trial = trial_at(all, at);
  if (!trial) return done(error_response(trial.error()));
  execute(all, from, at.parent, std::move(done), [&](wire::Command::Builder command) {
    auto change = (command.*init)();
    change.setStudy(trial->study);
    change.setNumber(trial->number);
    fill(change);
  });
}

/// A method of a trial that takes nothing but the trial.
void change_trial_alone(const context& all, const request& from, const place& at, answer done,
                        change_builder (wire::Command::Builder::*init)()) {
  if (auto empty = check_no_fields(from); !empty) return done(error_response(empty.error()));
  change_trial(all, from, at, std::move(done), init, [](change_builder) {});
}

result<std::string> page_of_trials(const context& all, const request& from, const place& at) {
  auto study = study_of(all, at);
  if (!study) return std::unexpected(study.error());
  auto page = parse_page(from, fmt::format("{}/trials", wire::view(study->study->getName())));
  if (!page) return std::unexpected(page.error());
  auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
    auto trial = wire::frame<wire::Trial>::parse(value);
    if (!trial) return std::unexpected(trial.error());
    return wire::to_json<wire::Trial>(**trial, from.json());
  };
  return page_of(all, trials_of(study->id), *page, "trials", item);
}

result<std::string> optimal_trials(const context& all, const request& from, const place& at) {
  if (auto empty = check_no_fields(from); !empty) return std::unexpected(empty.error());
  auto study = study_of(all, at);
  if (!study) return std::unexpected(study.error());
  auto trials = stored_trials(all.database(), study->id);
  if (!trials) return std::unexpected(trials.error());
  json_writer out;
  out.begin_object().key("optimalTrials").begin_array();
  for (size_t index : optimal_of(study->study->getStudySpec(), *trials))
    out.raw(wire::to_json<wire::Trial>(*(*trials)[index], from.json()));
  return out.end_array().end_object().take();
}

} // namespace

void create_trial(const context& all, const request& from, const place& at, answer done) {
  auto trial = wire::from_json<wire::Trial>(from.body, "request body");
  if (!trial) return done(error_response(trial.error()));
  change_study(all, from, at, std::move(done), &wire::Command::Builder::initCreateTrial,
               [&](change_builder change) { change.setTrial(**trial); });
}

void list_trials(const context& all, const request& from, const place& at, answer done) {
  done(respond(page_of_trials(all, from, at)));
}

void show_trial(const context& all, const request& from, const place& at, answer done) {
  auto found = trial_at(all, at);
  if (!found) return done(error_response(found.error()));
  done(json_response(wire::to_json<wire::Trial>(*found->trial, from.json())));
}

void delete_trial(const context& all, const request& from, const place& at, answer done) {
  change_trial(all, from, at, std::move(done), &wire::Command::Builder::initDeleteTrial,
               [](change_builder) {});
}

void suggest_trials(const context& all, const request& from, const place& at, answer done) {
  auto asked = wire::from_json<wire::SuggestTrialsRequest>(from.body, "request body");
  if (!asked) return done(error_response(asked.error()));
  change_study(all, from, at, std::move(done), &wire::Command::Builder::initSuggestTrials,
               [&](change_builder change) { change.setSuggest(**asked); });
}

void list_optimal_trials(const context& all, const request& from, const place& at, answer done) {
  done(respond(optimal_trials(all, from, at)));
}

void add_trial_measurement(const context& all, const request& from, const place& at, answer done) {
  auto asked = wire::from_json<wire::AddTrialMeasurementRequest>(from.body, "request body");
  if (!asked) return done(error_response(asked.error()));
  if (!(*asked)->hasMeasurement())
    return done(error_response({errc::invalid_argument,
                                "measurement: it is missing; expected a stepCount or an "
                                "elapsedDuration, and metrics"}));
  change_trial(all, from, at, std::move(done), &wire::Command::Builder::initAddMeasurement,
               [&](change_builder change) { change.setMeasurement((*asked)->getMeasurement()); });
}

void complete_trial(const context& all, const request& from, const place& at, answer done) {
  auto asked = wire::from_json<wire::CompleteTrialRequest>(body_or_empty(from), "request body");
  if (!asked) return done(error_response(asked.error()));
  change_trial(all, from, at, std::move(done), &wire::Command::Builder::initCompleteTrial,
               [&](change_builder change) { change.setCompletion(**asked); });
}

void check_trial_early_stopping(const context& all, const request& from, const place& at,
                                answer done) {
  change_trial_alone(all, from, at, std::move(done),
                     &wire::Command::Builder::initCheckEarlyStopping);
}

void stop_trial(const context& all, const request& from, const place& at, answer done) {
  change_trial_alone(all, from, at, std::move(done), &wire::Command::Builder::initStopTrial);
}

} // namespace troupe::api
