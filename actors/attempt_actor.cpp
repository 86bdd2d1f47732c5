#include "actors/attempt_actor.hpp"

#include <spdlog/spdlog.h>

namespace troupe::actors {

namespace {

/// How long a replica may take to end when the whole node is being stopped.
constexpr uint32_t shutdown_grace_ms = 3000;

wire::frame<wire::ReplicaStatus> failed_status(wire::ReplicaId::Reader id, const error& reason) {
  return wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder status) {
    status.setId(id);
    status.setPhase(wire::ReplicaPhase::FAILED);
    status.setMessage(reason.message);
    status.setPermanent(reason.code == errc::invalid_argument);
  });
}

template <class Fits>
bool any_replica(capnp::List<wire::ReplicaId>::Reader replicas, Fits&& fits) {
  for (auto id : replicas)
    if (fits(runtime::key_of(id))) return true;
  return false;
}

/// Events of runtime/ (on its own thread) turned into messages to the actor.
runtime::attempt_events events_for(const attempt_actor& attempt) {
  return {
      [attempt](wire::frame<wire::ReplicaStatus> status) {
        caf::anon_send(attempt, atom::status::value, std::move(status));
      },
      [attempt](wire::frame<wire::MetricReport> metrics) {
        caf::anon_send(attempt, atom::metrics::value, std::move(metrics));
      },
  };
}

struct attempt_state {
  static constexpr const char* name = "attempt";

  attempt_actor::stateful_pointer<attempt_state> self = nullptr;
  attempt_context context{};
  node_ledger::attempt_key key{};
  std::shared_ptr<attempt_ledger> ledger;
  std::shared_ptr<runtime::attempt> attempt;
  report_target_actor report_target;
  uint64_t next_sequence = 1;
  caf::typed_response_promise<bool> ended;

  runtime::attempt_events events() { return events_for(caf::actor_cast<attempt_actor>(self)); }

  template <class Fill>
  void report(Fill&& fill) {
    if (!report_target) return;
    const auto& identity = context.ledger->identity();
    self->send(report_target, atom::report::value,
               wire::frame<wire::Report>::build([&](wire::Report::Builder report) {
                 report.setNode(identity.name);
                 report.setBootId(identity.boot_id);
                 report.setAgentEpoch(identity.agent_epoch);
                 report.setSequence(next_sequence++);
                 fill(report);
               }));
  }
  void report(const wire::frame<wire::ReplicaStatus>& status) {
    report([&](wire::Report::Builder report) { report.setReplica(*status); });
  }
  void report(const wire::frame<wire::MetricReport>& metrics) {
    report([&](wire::Report::Builder report) { report.setMetrics(*metrics); });
  }

  void on_status(const wire::frame<wire::ReplicaStatus>& status) {
    ledger->note(status);
    report(status);
    answer_shutdown();
  }

  void on_metrics(const wire::frame<wire::MetricReport>& metrics) {
    ledger->note(metrics);
    report(metrics);
  }

  /// The hello was a snapshot; what happened since then was reported to nobody. Reports are
  /// idempotent, so all of them are sent once more. Metrics go first: when a trial's end arrives,
  /// its metrics must be known.
  void attach(const report_target_actor& target) {
    report_target = target;
    for (const auto& metrics : ledger->metrics())
      report(metrics);
    // That a replica was ordered is no news to the controller.
    for (const auto& status : ledger->statuses())
      if (status->getPhase() != wire::ReplicaPhase::LAUNCHING) report(status);
  }

  void launch(const wire::part<wire::Launch>& order) {
    if (!attempt) {
      auto created = runtime::attempt::create(*context.settings, *context.reactor, order, events());
      if (!created) {
        spdlog::error("event=attempt_failed job={} attempt={} reason=\"{}\"", key.first, key.second,
                      created.error().message);
        for (auto id : order->getReplicas())
          on_status(failed_status(id, created.error()));
        return;
      }
      attempt = std::move(*created);
    }
    // start() ends earlier incarnations of what it starts.
    kill_after(std::chrono::milliseconds(0), live_replicas([&](const runtime::replica_key& live) {
                 return any_replica(order->getReplicas(), [&](const runtime::replica_key& next) {
                   return next.pool == live.pool && next.index == live.index
                          && next.incarnation > live.incarnation;
                 });
               }));
    attempt->start(order);
  }

  bool adopt() {
    auto adopted = runtime::attempt::adopt(*context.settings, *context.reactor, key.first,
                                           key.second, events());
    if (!adopted) {
      spdlog::warn("event=attempt_not_adopted node={} job={} attempt={} reason=\"{}\"",
                   context.settings->node_name, key.first, key.second, adopted.error().message);
      return false;
    }
    attempt = std::move(*adopted);
    for (const auto& status : attempt->statuses())
      ledger->note(status);
    spdlog::info("event=attempt_adopted node={} job={} attempt={} live={}",
                 context.settings->node_name, key.first, key.second, ledger->live());
    attempt->resend_metrics();
    return true;
  }

  void stop(const wire::part<wire::Stop>& order) {
    if (attempt) {
      kill_after(std::chrono::milliseconds(order->getGraceMs()),
                 live_replicas([&](const runtime::replica_key& live) {
                   const auto named = order->getReplicas();
                   return named.size() == 0
                          || any_replica(
                              named, [&](const runtime::replica_key& one) { return one == live; });
                 }));
      attempt->stop(order);
    }
    for (const auto& status : ledger->statuses())
      if (!wire::is_live(status->getPhase())) report(status);
  }

  template <class Concerned>
  std::vector<runtime::replica_key> live_replicas(Concerned&& concerned) const {
    std::vector<runtime::replica_key> live;
    for (const auto& status : ledger->statuses())
      if (const auto replica = runtime::key_of(status->getId());
          wire::is_live(status->getPhase()) && concerned(replica))
        live.push_back(replica);
    return live;
  }

  /// The shim kills what is left after `grace`. This deadline is for a shim that does not.
  void kill_after(std::chrono::milliseconds grace, std::vector<runtime::replica_key> replicas) {
    if (replicas.empty()) return;
    self->delayed_send(
        self, grace + context.shim_patience, atom::kill::value,
        std::make_shared<const std::vector<runtime::replica_key>>(std::move(replicas)));
  }

  caf::result<bool> shut_down() {
    report_target = report_target_actor();
    ended = self->make_response_promise<bool>();
    stop(wire::frame<wire::Stop>::build([&](wire::Stop::Builder order) {
      order.setJobId(key.first);
      order.setAttempt(key.second);
      order.setGraceMs(shutdown_grace_ms);
    }));
    answer_shutdown();
    return ended;
  }

  void answer_shutdown() {
    if (ended.pending() && ledger->live() == 0) ended.deliver(true);
  }
};

attempt_actor::behavior_type attempt_behavior(attempt_actor::stateful_pointer<attempt_state> self,
                                              const attempt_context& context, uint64_t job,
                                              uint32_t number) {
  auto& state = self->state;
  state.self = self;
  state.context = context;
  state.key = {job, number};
  state.ledger = context.ledger->attempt(state.key);
  return {
      [&state](atom::launch, const wire::part<wire::Launch>& order) { state.launch(order); },
      [&state](atom::stop, const wire::part<wire::Stop>& order) { state.stop(order); },
      [&state](atom::adopt) { return state.adopt(); },
      [&state](atom::attach, const report_target_actor& target) { state.attach(target); },
      [&state](atom::shutdown) { return state.shut_down(); },
      [&state](atom::status, const wire::frame<wire::ReplicaStatus>& status) {
        state.on_status(status);
      },
      [&state](atom::metrics, const wire::frame<wire::MetricReport>& metrics) {
        state.on_metrics(metrics);
      },
      [&state](atom::kill, const replica_list& overdue) {
        if (state.attempt) state.attempt->kill(*overdue);
      },
  };
}

} // namespace

attempt_actor spawn_attempt(caf::actor_system& system, attempt_context context,
                            node_ledger::attempt_key key) {
  return system.spawn(attempt_behavior, context, key.first, key.second);
}

} // namespace troupe::actors
