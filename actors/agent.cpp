#include "actors/agent.hpp"

#include "runtime/log_reader.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <utility>

namespace troupe::actors {

namespace {

using attempt_key = std::pair<uint64_t, uint32_t>;

/// How long a replica may take to end when the whole node is told to stop.
constexpr uint32_t shutdown_grace_ms = 3000;

log_reader_actor::behavior_type
log_reader_behavior(log_reader_actor::pointer,
                    const std::shared_ptr<const runtime::node_settings>& settings) {
  return {
      [settings](atom::logs,
                 const wire::frame<wire::LogQuery>& query) -> wire::frame<wire::LogChunk> {
        auto chunk = runtime::read_logs(*settings, *query);
        if (chunk) return *chunk;
        return wire::frame<wire::LogChunk>::build(
            [&](wire::LogChunk::Builder failed) { failed.setError(chunk.error().message); });
      },
  };
}

struct agent_state {
  static constexpr const char* name = "agent";

  local_agent_actor::stateful_pointer<agent_state> self = nullptr;
  agent_context context{};
  std::map<attempt_key, attempt_actor> attempts;
  log_reader_actor log_reader;
  report_target_actor report_target;
  bool welcomed = false;
  std::string cluster_id;
  uint64_t epoch = 0;
  uint64_t next_sequence = 1;
  bool stopping = false;
  caf::typed_response_promise<bool> stopped;

  attempt_context attempts_context() const { return {context.settings, context.reactor}; }

  attempt_actor attempt_of(attempt_key key) {
    auto& attempt = attempts[key];
    if (!attempt)
      attempt = spawn_attempt(self->system(), attempts_context(),
                              caf::actor_cast<local_agent_actor>(self));
    return attempt;
  }

  void adopt() {
    auto adopted =
        runtime::adopt(*context.settings, *context.reactor, [this](uint64_t job, uint32_t attempt) {
          return events_for(attempt_of({job, attempt}));
        });
    if (!adopted) {
      spdlog::error("event=adopt_failed node={} reason=\"{}\"", context.settings->node_name,
                    adopted.error().message);
      return;
    }
    for (auto& attempt : *adopted) {
      std::shared_ptr<runtime::attempt> shared = std::move(attempt);
      attempt_key key{};
      for (const auto& status : shared->statuses()) {
        key = {status->getId().getJobId(), status->getId().getAttempt()};
        context.ledger->note(status);
      }
      if (key.first == 0) continue;
      spdlog::info("event=attempt_adopted node={} job={} attempt={} live={}",
                   context.settings->node_name, key.first, key.second,
                   context.ledger->live(key.first, key.second));
      self->send(attempt_of(key), atom::adopt::value, shared);
      shared->resend_metrics();
    }
  }

  template <class Fill>
  void report(Fill&& fill) {
    if (!report_target || !welcomed || stopping) return;
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

  void report_metrics(const wire::frame<wire::MetricReport>& metrics) {
    report([&](wire::Report::Builder report) { report.setMetrics(*metrics); });
  }
  void report_status(const wire::frame<wire::ReplicaStatus>& status) {
    report([&](wire::Report::Builder report) { report.setReplica(*status); });
  }

  void on_welcome(const wire::frame<wire::NodeWelcome>& welcome) {
    if (welcome->getError().size() > 0) {
      spdlog::error("event=refused node={} reason=\"{}\"", context.settings->node_name,
                    wire::view(welcome->getError()));
      return;
    }
    welcomed = true;
    cluster_id = wire::str(welcome->getClusterId());
    epoch = std::max(epoch, welcome->getEpoch());
    context.ledger->serve(cluster_id);
    // The hello was a snapshot; what happened between it and this moment went nowhere. Reports are
    // idempotent, so all of it once more is the simplest truth. Metrics go first: an end must find
    // its trial's metrics.
    for (const auto& metrics : context.ledger->metrics())
      report_metrics(metrics);
    for (const auto& status : context.ledger->statuses())
      report_status(status);
  }

  /// The agent itself asks, so that the welcome reaches it before the first order: both come from
  /// the controller.
  caf::result<wire::frame<wire::NodeWelcome>> join(const controller_actor& controller) {
    report_target = caf::actor_cast<report_target_actor>(controller);
    auto promise = self->make_response_promise<wire::frame<wire::NodeWelcome>>();
    self->request(controller, std::chrono::seconds(60), atom::join::value, context.ledger->hello(),
                  caf::actor_cast<agent_actor>(self))
        .then(
            [this, promise](const wire::frame<wire::NodeWelcome>& welcome) mutable {
              on_welcome(welcome);
              promise.deliver(welcome);
            },
            [promise](const caf::error& problem) mutable { promise.deliver(problem); });
    return promise;
  }

  void on_order(const wire::frame<wire::Order>& order) {
    if (order->getEpoch() < epoch || wire::view(order->getClusterId()) != cluster_id) {
      spdlog::warn("event=stale_order node={} epoch={} known_epoch={}", context.settings->node_name,
                   order->getEpoch(), epoch);
      return;
    }
    switch (order->which()) {
    case wire::Order::LAUNCH:
      return launch({order, order->getLaunch()});
    case wire::Order::STOP:
      return stop({order, order->getStop()});
    case wire::Order::FORGET:
      forget(order->getForget());
      return runtime::forget(*context.settings, order->getForget().getJobId(),
                             order->getForget().getAttempt());
    case wire::Order::PURGE:
      forget(order->getPurge());
      return runtime::purge(*context.settings, order->getPurge().getJobId(),
                            order->getPurge().getAttempt());
    }
  }

  void launch(const wire::part<wire::Launch>& launch) {
    if (stopping) return;
    for (auto id : launch->getReplicas())
      context.ledger->note(
          wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder status) {
            status.setId(id);
            status.setPhase(wire::ReplicaPhase::LAUNCHING);
          }));
    self->send(attempt_of({launch->getJobId(), launch->getAttempt()}), atom::launch::value, launch);
  }

  void stop(const wire::part<wire::Stop>& stop) {
    const attempt_key key{stop->getJobId(), stop->getAttempt()};
    if (auto known = attempts.find(key); known != attempts.end())
      self->send(known->second, atom::stop::value, stop);
    // Whoever stops what is not here wants to know just that.
    for (const auto& status : context.ledger->statuses())
      if (status->getId().getJobId() == key.first && status->getId().getAttempt() == key.second
          && !wire::is_live(status->getPhase()))
        report_status(status);
  }

  void forget(wire::AttemptRef::Reader attempt) {
    const attempt_key key{attempt.getJobId(), attempt.getAttempt()};
    context.ledger->forget(key.first, key.second);
    if (auto known = attempts.find(key); known != attempts.end()) {
      self->send_exit(known->second, caf::exit_reason::user_shutdown);
      attempts.erase(known);
    }
  }

  /// A node that is taken down on purpose leaves no process behind. Its attempts are forgotten, not
  /// reported as failed: the controller then sees them as lost with the node and starts them anew,
  /// here or elsewhere.
  void begin_shutdown() {
    stopping = true;
    for (const auto& [key, attempt] : attempts)
      self->send(
          attempt, atom::stop::value,
          wire::part<wire::Stop>(wire::frame<wire::Stop>::build([&](wire::Stop::Builder stop) {
            stop.setJobId(key.first);
            stop.setAttempt(key.second);
            stop.setGraceMs(shutdown_grace_ms);
          })));
    self->delayed_send(self, std::chrono::milliseconds(2 * shutdown_grace_ms), atom::tick::value);
    finish_shutdown(false);
  }

  void finish_shutdown(bool out_of_time) {
    if (!stopping || !stopped.pending() || (context.ledger->live() > 0 && !out_of_time)) return;
    const bool clean = context.ledger->live() == 0;
    for (const auto& [job, attempt] : context.ledger->attempts())
      runtime::forget(*context.settings, job, attempt);
    stopped.deliver(clean);
  }
};

local_agent_actor::behavior_type
agent_behavior(local_agent_actor::stateful_pointer<agent_state> self,
               const agent_context& context) {
  auto& state = self->state;
  state.self = self;
  state.context = context;
  // The attempt actors end with the agent; the replicas run on under their shims.
  self->set_exit_handler([&state, self](const caf::exit_msg& exit) {
    for (const auto& [key, attempt] : state.attempts)
      self->send_exit(attempt, caf::exit_reason::user_shutdown);
    self->quit(exit.reason);
  });
  state.log_reader =
      self->spawn<caf::detached + caf::linked>(log_reader_behavior, context.settings);
  state.adopt();
  return {
      [&state](atom::order, const wire::frame<wire::Order>& order) { state.on_order(order); },
      [&state, self](atom::logs, const wire::frame<wire::LogQuery>& query) {
        return self->delegate(state.log_reader, atom::logs::value, query);
      },
      [&state](atom::hello) { return state.context.ledger->hello(); },
      [&state](atom::join, const controller_actor& controller) { return state.join(controller); },
      [&state](atom::attach, const report_target_actor& target) { state.report_target = target; },
      [&state](atom::welcome, const wire::frame<wire::NodeWelcome>& welcome) {
        state.on_welcome(welcome);
      },
      [&state, self](atom::shutdown) -> caf::result<bool> {
        state.stopped = self->make_response_promise<bool>();
        state.begin_shutdown();
        return state.stopped;
      },
      [&state](atom::status, const wire::frame<wire::ReplicaStatus>& status) {
        state.context.ledger->note(status);
        state.report_status(status);
        state.finish_shutdown(false);
      },
      [&state](atom::metrics, const wire::frame<wire::MetricReport>& metrics) {
        state.context.ledger->note(metrics);
        state.report_metrics(metrics);
      },
      [&state](atom::tick) { state.finish_shutdown(true); },
  };
}

} // namespace

local_agent_actor spawn_agent(caf::actor_system& system, agent_context context) {
  return system.spawn(agent_behavior, context);
}

} // namespace troupe::actors
