#include "core/cluster/parts.hpp"

#include <fmt/format.h>

namespace troupe::core {

effects parts::step(const wire::frame<wire::Event>& event) {
  changes.begin(event->getRequest());
  state.now = event->getAtMicros();
  handle(*event);
  const bool recovering =
      event->isNodeDown() && is_controller_restart(wire::view(event->getNodeDown().getReason()));
  if (!recovering) {
    run_timers();
    // A study that is over stops its trials, which frees nodes: so before the placements.
    studies.judge_ends();
    for (const placed_job& placed : scheduler.next_placements())
      attempts.start(state.jobs.at(placed.job), placed.replicas);
  }
  scheduler.refresh_reasons();
  studies.ask_suggestions();
  if (!recovering) studies.ask_stoppings();
  return changes.finish(event);
}

void parts::handle(wire::Event::Reader event) {
  switch (event.which()) {
  case wire::Event::TICK:
    return;
  case wire::Event::COMMAND:
    return command(event.getCommand(), wire::view(event.getSecret()));
  case wire::Event::NODE_UP:
    return node_up(event.getNodeUp());
  case wire::Event::NODE_DOWN:
    return node_down(event.getNodeDown());
  case wire::Event::REPORT:
    return report(event.getReport());
  case wire::Event::SUGGESTIONS:
    return studies.suggested(event.getSuggestions(), wire::view(event.getSecret()));
  case wire::Event::STOPPINGS:
    return studies.judged(event.getStoppings());
  }
}

void parts::command(wire::Command::Reader command, std::string_view secret) {
  switch (command.which()) {
  case wire::Command::CREATE_CUSTOM_JOB:
    return jobs.create(command.getCreateCustomJob(), command, secret);
  case wire::Command::CREATE_TUNING_JOB:
    return studies.tuning_jobs.create(command.getCreateTuningJob(), command, secret);
  case wire::Command::CANCEL_CUSTOM_JOB:
    return jobs.cancel(command.getCancelCustomJob(), command);
  case wire::Command::CANCEL_TUNING_JOB:
    return studies.tuning_jobs.cancel(command.getCancelTuningJob(), command);
  case wire::Command::DELETE_CUSTOM_JOB:
    return jobs.remove(command.getDeleteCustomJob(), command);
  case wire::Command::DELETE_TUNING_JOB:
    return studies.tuning_jobs.remove(command.getDeleteTuningJob(), command);
  case wire::Command::RESUME_TUNING_JOB:
    return studies.tuning_jobs.resume(command.getResumeTuningJob(), command);
  case wire::Command::CREATE_STUDY:
    return studies.client_studies.create(command.getCreateStudy(), command);
  case wire::Command::DELETE_STUDY:
    return studies.client_studies.remove(command.getDeleteStudy(), command);
  case wire::Command::CREATE_TRIAL:
    return studies.client_studies.create_trial(command.getCreateTrial(), command);
  case wire::Command::DELETE_TRIAL:
    return studies.client_studies.delete_trial(command.getDeleteTrial(), command);
  case wire::Command::SUGGEST_TRIALS:
    return studies.operations.suggest(command.getSuggestTrials(), command);
  case wire::Command::ADD_MEASUREMENT:
    return studies.client_studies.measure(command.getAddMeasurement(), command);
  case wire::Command::COMPLETE_TRIAL:
    return studies.client_studies.complete_trial(command.getCompleteTrial(), command);
  case wire::Command::CHECK_EARLY_STOPPING:
    return studies.operations.check(command.getCheckEarlyStopping(), command);
  case wire::Command::STOP_TRIAL:
    return studies.client_studies.stop_trial(command.getStopTrial(), command);
  }
  changes.answer_error(errc::unimplemented, "This controller does not know the command.");
}

// -- nodes --

void parts::node_up(wire::NodeHello::Reader hello) {
  const auto arrived = nodes.up(hello);
  if (!arrived.joined) return;
  if (arrived.new_totals) scheduler.totals_changed();
  scheduler.freed();
  // Metrics first: a trial whose end is in this hello must find what it measured.
  for (auto measured : hello.getMetrics())
    studies.runs.measured(*arrived.joined, measured);
  reports.reconcile(*arrived.joined, hello, arrived.new_boot);
}

void parts::node_down(wire::NodeDown::Reader event) {
  const node* n = nodes.down(event);
  if (!n) return;
  scheduler.books_changed();
  const auto reason = wire::view(event.getReason());
  // After a restart of the controller every node is away for a moment: not worth a line in every
  // job's log.
  if (!is_controller_restart(reason)) reports.disconnected(*n, reason);
}

void parts::report(wire::Report::Reader report) {
  node* n = nodes.session_of(report);
  if (!n) return;
  switch (report.which()) {
  case wire::Report::REPLICA:
    return reports.report(*n, report.getReplica());
  case wire::Report::METRICS:
    return studies.runs.measured(*n, report.getMetrics());
  }
}

// -- time --

void parts::run_timers() {
  // Each is taken out before it acts, and arms itself again for later than now, so this ends.
  while (auto due = timers.take_due(state.now)) {
    switch (due->kind) {
    case timer_kind::node: {
      node& n = state.nodes.at(due->node);
      if (nodes.lose(n))
        reports.lost(n, fmt::format("node {} has been away for {} s", n.name,
                                    (state.now - n.last_seen_micros) / 1'000'000));
      break;
    }
    case timer_kind::job:
      jobs.timer(state.jobs.at(due->id));
      break;
    case timer_kind::study:
      studies.timer(due->id);
      break;
    }
  }
}

} // namespace troupe::core
