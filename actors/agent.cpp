#include "actors/agent.hpp"

#include "runtime/log_reader.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <utility>

namespace troupe::actors {

namespace {

using attempt_key = node_ledger::attempt_key;

/// Attempts kill what is left after their own grace; one that does not answer by now is stuck.
constexpr auto shutdown_patience = std::chrono::seconds(6);

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
  bool stopping = false;
  size_t attempts_to_stop = 0;
  caf::typed_response_promise<bool> stopped;

  attempt_actor attempt_of(attempt_key key) {
    auto& attempt = attempts[key];
    if (!attempt) {
      attempt =
          spawn_attempt(self->system(), {context.settings, context.reactor, context.ledger}, key);
      if (welcomed) self->send(attempt, atom::attach::value, report_target);
    }
    return attempt;
  }

  void drop(attempt_key key) {
    context.ledger->forget(key);
    if (auto known = attempts.find(key); known != attempts.end()) {
      self->send_exit(known->second, caf::exit_reason::user_shutdown);
      attempts.erase(known);
    }
  }

  /// Every other message waits until all attempts have answered: a hello before that would disown
  /// replicas that run. It takes as long as this node's disk needs, hence no deadline.
  void adopt() {
    auto left = runtime::left_attempts(*context.settings);
    if (!left) {
      spdlog::error("event=adopt_failed node={} reason=\"{}\"", context.settings->node_name,
                    left.error().message);
      return;
    }
    for (const auto& key : *left)
      self->request(attempt_of(key), caf::infinite, atom::adopt::value)
          .await(
              [this, key](bool adopted) {
                if (!adopted) drop(key);
              },
              [this, key](const caf::error&) { drop(key); });
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
    if (stopping || !report_target) return;
    for (const auto& [key, attempt] : attempts)
      self->send(attempt, atom::attach::value, report_target);
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
      drop({order->getForget().getJobId(), order->getForget().getAttempt()});
      return runtime::forget(*context.settings, order->getForget().getJobId(),
                             order->getForget().getAttempt());
    case wire::Order::PURGE:
      drop({order->getPurge().getJobId(), order->getPurge().getAttempt()});
      return runtime::purge(*context.settings, order->getPurge().getJobId(),
                            order->getPurge().getAttempt());
    }
  }

  void launch(const wire::part<wire::Launch>& launch) {
    if (stopping) return;
    const attempt_key key{launch->getJobId(), launch->getAttempt()};
    // Before the attempt actor has the order: a hello or a shutdown in between must count them.
    context.ledger->attempt(key)->announce(*launch);
    self->send(attempt_of(key), atom::launch::value, launch);
  }

  void stop(const wire::part<wire::Stop>& stop) {
    const attempt_key key{stop->getJobId(), stop->getAttempt()};
    if (auto known = attempts.find(key); known != attempts.end())
      self->send(known->second, atom::stop::value, stop);
  }

  /// A node that is stopped on purpose leaves no process behind. Its attempts are forgotten, not
  /// reported as failed: the controller then sees them as lost with the node and starts them
  /// again, here or elsewhere.
  caf::result<bool> shut_down() {
    stopping = true;
    stopped = self->make_response_promise<bool>();
    attempts_to_stop = attempts.size();
    for (const auto& [key, attempt] : attempts)
      self->request(attempt, shutdown_patience, atom::shutdown::value)
          .then([this](bool) { one_stopped(); }, [this](const caf::error&) { one_stopped(); });
    if (attempts.empty()) finish_shutdown();
    return stopped;
  }

  void one_stopped() {
    if (--attempts_to_stop == 0) finish_shutdown();
  }

  void finish_shutdown() {
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
      [&state](atom::shutdown) { return state.shut_down(); },
  };
}

} // namespace

local_agent_actor spawn_agent(caf::actor_system& system, agent_context context) {
  return system.spawn(agent_behavior, context);
}

} // namespace troupe::actors
