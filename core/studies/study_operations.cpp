#include "core/studies/study_operations.hpp"

#include "base/names.hpp"
#include "core/state/trial_records.hpp"
#include "core/validate/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::core {

using state = wire::Trial::State;

/// Which trials a request gets as things stand, and what is missing.
struct study_operations::match {
  std::vector<uint32_t> trials;          // in the order of the contexts, if there are any
  uint32_t missing = 0;                  // new trials to be made
  uint32_t context = 0;                  // that the next new trial must have
  wire::frame<wire::TrialContext> fixed; // the same
  bool free = true;                      // `fixed` says nothing
};

study_operations::match study_operations::matching(const client_study& study,
                                                   wire::SuggestTrialsRequest::Reader wanted) {
  match found;
  std::set<uint32_t> taken;
  const auto client = wire::view(wanted.getClientId());
  const auto first = [&](const wire::TrialContext::Reader* context) -> const trial* {
    for (state wanted_state : {state::ACTIVE, state::REQUESTED}) {
      // What was requested but not handed out when the study ended stays where it is.
      if (wanted_state == state::REQUESTED && study.over()) break;
      for (const auto& [number, t] : study.trials)
        if (t.state == wanted_state && !taken.contains(number)
            && (wanted_state == state::REQUESTED || t.client == client)
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

void study_operations::hand_out(client_study& study, const match& found, std::string_view client) {
  for (uint32_t number : found.trials) {
    trial& t = study.trials.at(number);
    if (t.state != state::REQUESTED) continue;
    t.state = state::ACTIVE;
    t.client = client;
    t.start_micros = state_.now;
    out_.changed(study, t);
  }
}

// -- operations --

pending_operation& study_operations::add(client_study& study) {
  study.pending.push_back({.id = state_.next_id++, .start_micros = state_.now});
  out_.changed(study);
  return study.pending.back();
}

operation_facts study_operations::facts_of(const client_study& study,
                                           const pending_operation& waits) const {
  operation_facts facts{.name =
                            resource_name(study.project, study.location, "operations", waits.id),
                        .start_micros = waits.start_micros,
                        .now_micros = state_.now,
                        .client = wire::str(waits.wanted->getClientId()),
                        .study = std::string(study.name())};
  if (waits.checked != 0) facts.trial = trial_name(study, waits.checked);
  return facts;
}

void study_operations::fail(client_study& study, const pending_operation& waits, failure why) {
  const uint64_t id = waits.id;
  out_.put_operation(id, failed_operation(facts_of(study, waits), why));
  std::erase_if(study.pending, [&](const pending_operation& other) { return other.id == id; });
  out_.changed(study);
}

// -- suggestions --

void study_operations::suggest(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = base_.find(change.getStudy(), command);
  if (!study) return;
  const auto wanted = change.getSuggest();
  if (auto problems = problems_of(study->spec(), wanted); !problems.empty())
    return out_.answer_problems(problems);
  pending_operation& waits = add(*study);
  waits.wanted = wire::frame<wire::SuggestTrialsRequest>::copy(wanted);
  const uint64_t id = waits.id;
  out_.put_operation(id, waiting_operation(facts_of(*study, waits)));
  // What is there already is handed out at once, even if others wait for the tuner.
  const match found = matching(*study, wanted);
  hand_out(*study, found, wire::view(wanted.getClientId()));
  if (found.missing == 0 || study->over())
    finish_suggestion(*study, id);
  else
    advance(*study);
  out_.answer_operation(id);
}

/// Serves the waiting requests as far as they can be without the tuner; for the first that cannot,
/// it is asked.
void study_operations::advance(client_study& study) {
  while (true) {
    auto head = std::ranges::find(study.pending, 0u, &pending_operation::checked);
    if (head == study.pending.end()) return;
    match found = matching(study, *head->wanted);
    hand_out(study, found, wire::view(head->wanted->getClientId()));
    if (found.missing > 0) base_.judge_end(study);
    if (found.missing > 0 && !study.over()) return ask(study, *head, found);
    finish_suggestion(study, head->id);
  }
}

void study_operations::ask(client_study& study, const pending_operation& waits,
                           const match& found) {
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
  out_.ask(suggestion_request{study.id, study.next_trial, count, waits.id,
                              frame_for_suggestions(study), found.fixed, trials_.priors_of(study)});
}

/// After a restart; changes nothing that is stored.
void study_operations::ask_again(client_study& study) {
  auto head = std::ranges::find(study.pending, 0u, &pending_operation::checked);
  if (head == study.pending.end() || study.over()) return;
  if (const match found = matching(study, *head->wanted); found.missing > 0)
    ask(study, *head, found);
}

void study_operations::suggested(client_study& study, wire::Suggestions::Reader answer) {
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
    fail(study, *head,
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
      fail(study, *head,
           {errc::internal,
            fmt::format("The tuner's suggestion for {} does not have the values of the "
                        "context. Ask without a context, or with another one.",
                        study.name())});
      return advance(study);
    }
  const uint32_t most = head->wanted->getContexts().size() > 0 ? 1 : before.missing;
  for (auto parameters : answer.getParameters()) {
    if (study.over() || static_cast<uint32_t>(study.next_trial - answer.getFirstTrial()) >= most)
      break;
    trial made{.number = study.next_trial++,
               .state = state::ACTIVE,
               .parameters = wire::frame<wire::Suggestions::ParameterSet>::copy(parameters),
               .measurements = {},
               .final_measurement = {},
               .start_micros = state_.now,
               .client = wire::str(head->wanted->getClientId()),
               .infeasible_reason = {},
               .stopping_reason = {}};
    out_.changed(study, made);
    study.trials.emplace(made.number, std::move(made));
  }
  study.update_micros = state_.now;
  out_.changed(study);
  // An answer without a point would be the same answer if asked for again.
  if (answer.getExhausted() || answer.getParameters().size() == 0) {
    // A slice of the space may be used up without the space being so.
    if (before.free) base_.complete(study, "the search space holds no further point");
    if (!before.free && answer.getParameters().size() == 0) finish_suggestion(study, head->id);
  }
  advance(study);
}

void study_operations::finish_suggestion(client_study& study, uint64_t operation) {
  auto waits = std::ranges::find(study.pending, operation, &pending_operation::id);
  const match found = matching(study, *waits->wanted);
  auto response = wire::frame<wire::SuggestTrialsResponse>::build(
      [&](wire::SuggestTrialsResponse::Builder builder) {
        auto trials = builder.initTrials(static_cast<uint32_t>(found.trials.size()));
        for (uint32_t i = 0; i < trials.size(); ++i)
          trials.setWithCaveats(i, *record_of(study, study.trials.at(found.trials[i])));
        builder.setStudyState(study.state);
        builder.initStartTime().setMicros(waits->start_micros);
        builder.initEndTime().setMicros(state_.now);
      });
  out_.put_operation(operation, suggested_operation(facts_of(study, *waits), *response));
  study.pending.erase(waits);
  out_.changed(study);
}

// -- early stopping --

void study_operations::check(wire::TrialChange::Reader change, wire::Command::Reader command) {
  client_study* study = base_.find(change.getStudy(), command);
  trial* t = study ? base_.find_running_trial(*study, change.getNumber(), "checked") : nullptr;
  if (!t) return;
  pending_operation& waits = add(*study);
  waits.checked = t->number;
  const uint64_t id = waits.id;
  out_.put_operation(id, waiting_operation(facts_of(*study, waits)));
  if (t->state == state::STOPPING || study->spec().isNoAutomatedStopping())
    finish_check(*study, pending_operation(waits), *t);
  else
    trials_.want_stoppings(study->id);
  out_.answer_operation(id);
}

void study_operations::judged(client_study& study, wire::Stoppings::Reader answer) {
  for (const pending_operation& waits : std::vector(study.pending)) {
    if (waits.checked == 0) continue;
    if (waits.id > answer.getOperation()) {
      trials_.want_stoppings(study.id);
      continue;
    }
    trial& t = study.trials.at(waits.checked);
    if (answer.getError().size() > 0) {
      fail(study, waits,
           {errc::internal,
            fmt::format("The tuner could not judge {}: {}. Trying again may help.",
                        trial_name(study, t.number), wire::view(answer.getError()))});
      continue;
    }
    for (auto stop : answer.getTrials()) {
      if (stop.getNumber() != t.number || t.state != state::ACTIVE) continue;
      t.state = state::STOPPING;
      t.stopping_reason = wire::str(stop.getReason());
      study.update_micros = state_.now;
      out_.changed(study, t);
    }
    finish_check(study, waits, t);
  }
}

void study_operations::finish_check(client_study& study, const pending_operation& waits,
                                    const trial& t) {
  const uint64_t id = waits.id;
  auto response = wire::frame<wire::CheckTrialEarlyStoppingStateResponse>::build(
      [&](wire::CheckTrialEarlyStoppingStateResponse::Builder builder) {
        builder.setShouldStop(t.state == state::STOPPING);
        builder.setStoppingReason(wire::text(t.stopping_reason));
      });
  out_.put_operation(id, checked_operation(facts_of(study, waits), *response));
  std::erase_if(study.pending, [&](const pending_operation& other) { return other.id == id; });
  out_.changed(study);
}

} // namespace troupe::core
