// The long-running operations of a study: suggestions, and whether a trial should stop. Requests
// for suggestions are served one after the other, so that none repeats what another was given;
// checks are answered together, by one look of the tuner at the whole study.
//
// What a client gets: first its own unfinished trials, then trials that somebody has REQUESTED,
// then new ones. That is looked up again whenever a request can go on, so a request that comes
// twice, or that a restart interrupts, gets the same trials.
#include "core/cluster/engine.hpp"
#include "core/state/trial_records.hpp"
#include "core/validate/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::core {

using state = wire::Trial::State;

/// Which trials a request gets as things stand, and what is missing.
struct engine::match {
  std::vector<uint32_t> trials;          // in the order of the contexts, if there are any
  uint32_t missing = 0;                  // new trials to be made
  uint32_t context = 0;                  // that the next new trial must have
  wire::frame<wire::TrialContext> fixed; // the same
  bool free = true;                      // `fixed` says nothing
};

engine::match engine::matching(const client_study& study,
                               wire::SuggestTrialsRequest::Reader wanted) {
  match found;
  std::set<uint32_t> taken;
  const auto client = wire::view(wanted.getClientId());
  const auto first = [&](const wire::TrialContext::Reader* context) -> const trial* {
    for (state which : {state::ACTIVE, state::REQUESTED}) {
      // What was requested but not handed out when the study ended stays where it is.
      if (which == state::REQUESTED && study.over()) break;
      for (const auto& [number, t] : study.trials)
        if (t.state == which && !taken.contains(number)
            && (which == state::REQUESTED || t.client == client)
            && (!context || lies_in(t.parameters->getValues(), context->getParameters())))
          return &t;
    }
    return nullptr;
  };
  const auto contexts = wanted.getContexts();
  for (uint32_t i = 0; int64_t{i} < wanted.getSuggestionCount(); ++i) {
    std::optional<wire::TrialContext::Reader> context;
    if (i < contexts.size()) context = contexts[i];
    const trial* t = first(context ? &*context : nullptr);
    if (t) {
      taken.insert(t->number);
      found.trials.push_back(t->number);
      continue;
    }
    if (!context) {
      found.missing = static_cast<uint32_t>(wanted.getSuggestionCount()) - i;
      break;
    }
    // One after the other, each under its own conditions.
    if (found.missing++ > 0) continue;
    found.context = i;
    found.fixed = wire::frame<wire::TrialContext>::copy(*context);
    found.free = context->getParameters().size() == 0;
  }
  return found;
}

void engine::hand_out(client_study& study, const match& found, std::string_view client) {
  for (uint32_t number : found.trials) {
    trial& t = study.trials.at(number);
    if (t.state != state::REQUESTED) continue;
    t.state = state::ACTIVE;
    t.client = client;
    t.start_micros = now_;
    changed(study, t);
  }
}

// -- operations --

pending_operation& engine::add_operation(client_study& study) {
  study.pending.push_back({.id = next_id_++, .start_micros = now_});
  changed(study);
  return study.pending.back();
}

operation_facts engine::facts_of(const client_study& study, const pending_operation& waits) const {
  operation_facts facts{.name =
                            resource_name(study.project, study.location, "operations", waits.id),
                        .start_micros = waits.start_micros,
                        .now_micros = now_,
                        .client = wire::str(waits.wanted->getClientId()),
                        .study = std::string(study.name())};
  if (waits.checked != 0) facts.trial = trial_name(study, waits.checked);
  return facts;
}

void engine::put_operation(uint64_t id, wire::frame<wire::Operation> operation) {
  touched_ = true;
  dirty_operations_.insert_or_assign(id, std::move(operation));
}

void engine::answer_operation(uint64_t id) {
  answer(wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.setOperation(*dirty_operations_.at(id)); }));
}

void engine::fail_operation(client_study& study, const pending_operation& waits, failure why) {
  const uint64_t id = waits.id;
  put_operation(id, failed_operation(facts_of(study, waits), why));
  std::erase_if(study.pending, [&](const pending_operation& other) { return other.id == id; });
  changed(study);
}

// -- suggestions --

void engine::suggest_trials(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = find_client_study(change.getStudy(), command);
  if (!study) return;
  const auto wanted = change.getSuggest();
  if (auto problems = problems_of(study->spec(), wanted); !problems.empty())
    return answer_problems(problems);
  pending_operation& waits = add_operation(*study);
  waits.wanted = wire::frame<wire::SuggestTrialsRequest>::copy(wanted);
  const uint64_t id = waits.id;
  put_operation(id, waiting_operation(facts_of(*study, waits)));
  // What is there already is given out at once, whoever else waits for the tuner.
  const match found = matching(*study, wanted);
  hand_out(*study, found, wire::view(wanted.getClientId()));
  if (found.missing == 0 || study->over())
    finish_suggestion(*study, id);
  else
    advance(*study);
  answer_operation(id);
}

/// Serves the waiting requests as far as they can be without the tuner; for the first that cannot,
/// it is asked.
void engine::advance(client_study& study) {
  while (true) {
    auto head = std::ranges::find(study.pending, 0u, &pending_operation::checked);
    if (head == study.pending.end()) return;
    match found = matching(study, *head->wanted);
    hand_out(study, found, wire::view(head->wanted->getClientId()));
    if (found.missing > 0) judge_end(study);
    if (found.missing > 0 && !study.over()) return ask(study, *head, found);
    finish_suggestion(study, head->id);
  }
}

void engine::ask(client_study& study, const pending_operation& waits, const match& found) {
  if (study.asked_for == waits.id && study.asked_from == study.next_trial) return;
  study.asked_for = waits.id;
  study.asked_from = study.next_trial;
  study.asked_context = found.context;
  uint32_t count = waits.wanted->getContexts().size() > 0 ? 1 : found.missing;
  // Where minimum rules let the study go on beyond maxNumTrials, nothing limits a request.
  const auto most = study.spec().getStudyStoppingConfig().getMaxNumTrials();
  if (most.isNumber() && most.getNumber() > static_cast<double>(study.trials.size()))
    count = std::min(
        count, static_cast<uint32_t>(most.getNumber() - static_cast<double>(study.trials.size())));
  out_.suggestion_requests.push_back({study.id, study.next_trial, count, waits.id,
                                      frame_for_suggestions(study), found.fixed, priors_of(study)});
}

/// After a restart; changes nothing that is stored.
void engine::ask_again(client_study& study) {
  auto head = std::ranges::find(study.pending, 0u, &pending_operation::checked);
  if (head == study.pending.end() || study.over()) return;
  if (const match found = matching(study, *head->wanted); found.missing > 0)
    ask(study, *head, found);
}

void engine::suggestions(client_study& study, wire::Suggestions::Reader answer) {
  auto head = std::ranges::find(study.pending, 0u, &pending_operation::checked);
  if (head == study.pending.end()) return;
  if (answer.getOperation() != head->id || answer.getFirstTrial() != study.next_trial) {
    // Trials were made meanwhile that it does not know of.
    if (answer.getOperation() == study.asked_for && answer.getFirstTrial() == study.asked_from)
      study.asked_for = 0;
    return advance(study);
  }
  study.asked_for = 0;
  if (answer.getError().size() > 0) {
    fail_operation(study, *head,
                   {errc::internal,
                    fmt::format("The tuner could not compute suggestions for {}: {}. Trying again "
                                "may help.",
                                study.name(), wire::view(answer.getError()))});
    return advance(study);
  }
  const match before = matching(study, *head->wanted);
  // Trials that ended or were deleted meanwhile may leave another context to be served first.
  if (before.context != study.asked_context) return advance(study);
  // A trial outside the context would never be given out, and another one asked for without end.
  for (auto parameters : answer.getParameters())
    if (!before.free && !lies_in(parameters.getValues(), before.fixed->getParameters())) {
      fail_operation(study, *head,
                     {errc::internal,
                      fmt::format("The tuner's suggestion for {} does not have the values of the "
                                  "context. Ask without a context, or with another one.",
                                  study.name())});
      return advance(study);
    }
  const uint32_t room = head->wanted->getContexts().size() > 0 ? 1 : before.missing;
  for (auto parameters : answer.getParameters()) {
    if (study.over() || static_cast<uint32_t>(study.next_trial - answer.getFirstTrial()) >= room)
      break;
    trial made{.number = study.next_trial++,
               .state = state::ACTIVE,
               .parameters = wire::frame<wire::Suggestions::ParameterSet>::copy(parameters),
               .measurements = {},
               .final_measurement = {},
               .start_micros = now_,
               .client = wire::str(head->wanted->getClientId()),
               .infeasible_reason = {},
               .stopping_reason = {}};
    changed(study, made);
    study.trials.emplace(made.number, std::move(made));
  }
  study.update_micros = now_;
  changed(study);
  // An answer without a point would be the same answer if asked for again.
  if (answer.getExhausted() || answer.getParameters().size() == 0) {
    // A slice of the space may be used up without the space being so.
    if (before.free) complete_study(study, "the search space holds no further point");
    if (!before.free && answer.getParameters().size() == 0) finish_suggestion(study, head->id);
  }
  advance(study);
}

void engine::finish_suggestion(client_study& study, uint64_t operation) {
  auto waits = std::ranges::find(study.pending, operation, &pending_operation::id);
  const match found = matching(study, *waits->wanted);
  auto response = wire::frame<wire::SuggestTrialsResponse>::build(
      [&](wire::SuggestTrialsResponse::Builder builder) {
        auto trials = builder.initTrials(static_cast<uint32_t>(found.trials.size()));
        for (uint32_t i = 0; i < trials.size(); ++i)
          trials.setWithCaveats(i, *record_of(study, study.trials.at(found.trials[i])));
        builder.setStudyState(study.state);
        builder.initStartTime().setMicros(waits->start_micros);
        builder.initEndTime().setMicros(now_);
      });
  put_operation(operation, suggested_operation(facts_of(study, *waits), *response));
  study.pending.erase(waits);
  changed(study);
}

// -- early stopping --

void engine::check_early_stopping(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = find_client_study(change.getStudy(), command);
  trial* t = study ? find_running_trial(*study, change.getNumber(), "checked") : nullptr;
  if (!t) return;
  pending_operation& waits = add_operation(*study);
  waits.checked = t->number;
  const uint64_t id = waits.id;
  put_operation(id, waiting_operation(facts_of(*study, waits)));
  if (t->state == state::STOPPING || study->spec().isNoAutomatedStopping())
    finish_check(*study, pending_operation(waits), t);
  else
    wants_stoppings_.insert(study->id);
  answer_operation(id);
}

void engine::stoppings(client_study& study, wire::Stoppings::Reader answer) {
  for (const pending_operation& waits : std::vector(study.pending)) {
    if (waits.checked == 0) continue;
    if (waits.id > answer.getOperation()) {
      wants_stoppings_.insert(study.id);
      continue;
    }
    trial& t = study.trials.at(waits.checked);
    if (answer.getError().size() > 0) {
      fail_operation(study, waits,
                     {errc::internal,
                      fmt::format("The tuner could not judge {}: {}. Trying again may help.",
                                  trial_name(study, t.number), wire::view(answer.getError()))});
      continue;
    }
    for (auto stop : answer.getTrials()) {
      if (stop.getNumber() != t.number || t.state != state::ACTIVE) continue;
      t.state = state::STOPPING;
      t.stopping_reason = wire::str(stop.getReason());
      study.update_micros = now_;
      changed(study, t);
    }
    finish_check(study, waits, &t);
  }
}

void engine::finish_check(client_study& study, const pending_operation& waits, const trial* t) {
  const uint64_t id = waits.id;
  auto verdict = wire::frame<wire::CheckTrialEarlyStoppingStateResponse>::build(
      [&](wire::CheckTrialEarlyStoppingStateResponse::Builder builder) {
        builder.setShouldStop(t->state == state::STOPPING);
        builder.setStoppingReason(wire::text(t->stopping_reason));
      });
  put_operation(id, checked_operation(facts_of(study, waits), *verdict));
  std::erase_if(study.pending, [&](const pending_operation& other) { return other.id == id; });
  changed(study);
}

} // namespace troupe::core
