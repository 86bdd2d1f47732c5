// Trials of a client study: suggested, measured and completed by clients. Reads come from the
// committed state. Every change is a command to the controller, sent only if the study and the
// trial exist.
#include "api/backend/listing.hpp"
#include "api/backend/lookup.hpp"
#include "api/backend/stored_trials.hpp"
#include "api/query/json_writer.hpp"
#include "api/resources/command.hpp"
#include "api/resources/handlers.hpp"
#include "api/resources/outcome.hpp"
#include "base/names.hpp"

#include <limits>

namespace troupe::api {

namespace {

using change_builder = wire::TrialChange::Builder;

struct known_study {
  uint64_t id = 0;
  wire::frame<wire::Study> study;
};

result<known_study> study_of(const context& context, const resource_path& path) {
  resource_path study{.parent = path.parent, .id = path.ancestors.front()};
  auto found = resource_at<wire::Study>(context, store::family::studies, "studies", study);
  if (!found) return std::unexpected(found.error());
  return known_study{*parse_id(study.id), std::move(*found)};
}

struct known_trial {
  uint64_t study = 0;
  uint32_t number = 0;
  wire::frame<wire::Trial> trial;
};

result<known_trial> trial_at(const context& context, const resource_path& path) {
  auto study = study_of(context, path);
  if (!study) return std::unexpected(study.error());
  auto missing =
      no_such_resource(context, child_name(wire::view(study->study->getName()), "trials", path.id));
  auto number = parse_id(path.id);
  if (!number || *number > std::numeric_limits<uint32_t>::max()) return std::unexpected(missing);
  auto key = key_of(study->id, *number);
  auto found = stored<wire::Trial>(context.database(), store::family::trials, key);
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::unexpected(missing);
  return known_trial{study->id, uint32_t(*number), std::move(**found)};
}

void execute(const context& context, const request& request, const project_location& parent,
             answer reply, const std::function<void(wire::Command::Builder)>& fill) {
  context.cluster.execute(command_for(parent, fill),
                          outcome_answer(request.json(), std::move(reply)));
}

/// Sends a command about a study. Its change has no trial number.
void change_study(const context& context, const request& request, const resource_path& path,
                  answer reply, change_builder (wire::Command::Builder::*init)(),
                  const std::function<void(change_builder)>& fill) {
  auto study = study_of(context, path);
  if (!study) return reply(error_response(study.error()));
  execute(context, request, path.parent, std::move(reply), [&](wire::Command::Builder command) {
    auto change = (command.*init)();
    change.setStudy(study->id);
    fill(change);
  });
}

void change_trial(const context& context, const request& request, const resource_path& path,
                  answer reply, change_builder (wire::Command::Builder::*init)(),
                  const std::function<void(change_builder)>& fill) {
  auto trial = trial_at(context, path);
  if (!trial) return reply(error_response(trial.error()));
  execute(context, request, path.parent, std::move(reply), [&](wire::Command::Builder command) {
    auto change = (command.*init)();
    change.setStudy(trial->study);
    change.setNumber(trial->number);
    fill(change);
  });
}

/// A method of a trial that has no fields in its body.
void change_trial_alone(const context& context, const request& request, const resource_path& path,
                        answer reply, change_builder (wire::Command::Builder::*init)()) {
  if (auto empty = check_no_fields(request); !empty) return reply(error_response(empty.error()));
  change_trial(context, request, path, std::move(reply), init, [](change_builder) {});
}

result<std::string> page_of_trials(const context& context, const request& request,
                                   const resource_path& path) {
  auto study = study_of(context, path);
  if (!study) return std::unexpected(study.error());
  auto page = parse_page(request, fmt::format("{}/trials", wire::view(study->study->getName())));
  if (!page) return std::unexpected(page.error());
  auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
    auto trial = wire::frame<wire::Trial>::parse(value);
    if (!trial) return std::unexpected(trial.error());
    return wire::to_json<wire::Trial>(**trial, request.json());
  };
  return list_page(context.database(), trial_rows(study->id), *page, "trials", item);
}

result<std::string> optimal_trials(const context& context, const request& request,
                                   const resource_path& path) {
  if (auto empty = check_no_fields(request); !empty) return std::unexpected(empty.error());
  auto study = study_of(context, path);
  if (!study) return std::unexpected(study.error());
  auto trials = stored_trials(context.database(), study->id);
  if (!trials) return std::unexpected(trials.error());
  json_writer out;
  out.begin_object().key("optimalTrials").begin_array();
  for (size_t index : optimal_of(study->study->getStudySpec(), *trials))
    out.raw(wire::to_json<wire::Trial>(*(*trials)[index], request.json()));
  return out.end_array().end_object().take();
}

} // namespace

void create_trial(const context& context, const request& request, const resource_path& path,
                  answer reply) {
  auto trial = wire::from_json<wire::Trial>(request.body, "request body");
  if (!trial) return reply(error_response(trial.error()));
  change_study(context, request, path, std::move(reply), &wire::Command::Builder::initCreateTrial,
               [&](change_builder change) { change.setTrial(**trial); });
}

void list_trials(const context& context, const request& request, const resource_path& path,
                 answer reply) {
  reply(respond(page_of_trials(context, request, path)));
}

void show_trial(const context& context, const request& request, const resource_path& path,
                answer reply) {
  auto found = trial_at(context, path);
  if (!found) return reply(error_response(found.error()));
  reply(json_response(wire::to_json<wire::Trial>(*found->trial, request.json())));
}

void delete_trial(const context& context, const request& request, const resource_path& path,
                  answer reply) {
  change_trial(context, request, path, std::move(reply), &wire::Command::Builder::initDeleteTrial,
               [](change_builder) {});
}

void suggest_trials(const context& context, const request& request, const resource_path& path,
                    answer reply) {
  auto asked = wire::from_json<wire::SuggestTrialsRequest>(request.body, "request body");
  if (!asked) return reply(error_response(asked.error()));
  change_study(context, request, path, std::move(reply), &wire::Command::Builder::initSuggestTrials,
               [&](change_builder change) { change.setSuggest(**asked); });
}

void list_optimal_trials(const context& context, const request& request, const resource_path& path,
                         answer reply) {
  reply(respond(optimal_trials(context, request, path)));
}

void add_trial_measurement(const context& context, const request& request,
                           const resource_path& path, answer reply) {
  auto asked = wire::from_json<wire::AddTrialMeasurementRequest>(request.body, "request body");
  if (!asked) return reply(error_response(asked.error()));
  if (!(*asked)->hasMeasurement())
    return reply(error_response({errc::invalid_argument,
                                 "measurement: it is missing; expected a stepCount or an "
                                 "elapsedDuration, and metrics"}));
  change_trial(context, request, path, std::move(reply),
               &wire::Command::Builder::initAddMeasurement,
               [&](change_builder change) { change.setMeasurement((*asked)->getMeasurement()); });
}

void complete_trial(const context& context, const request& request, const resource_path& path,
                    answer reply) {
  auto asked = wire::from_json<wire::CompleteTrialRequest>(body_or_empty(request), "request body");
  if (!asked) return reply(error_response(asked.error()));
  change_trial(context, request, path, std::move(reply), &wire::Command::Builder::initCompleteTrial,
               [&](change_builder change) { change.setCompletion(**asked); });
}

void check_trial_early_stopping(const context& context, const request& request,
                                const resource_path& path, answer reply) {
  change_trial_alone(context, request, path, std::move(reply),
                     &wire::Command::Builder::initCheckEarlyStopping);
}

void stop_trial(const context& context, const request& request, const resource_path& path,
                answer reply) {
  change_trial_alone(context, request, path, std::move(reply),
                     &wire::Command::Builder::initStopTrial);
}

} // namespace troupe::api
