#include "actors/controller.hpp"

#include "actors/batches.hpp"
#include "actors/tuner_pool.hpp"
#include "base/randomness.hpp"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace troupe::actors {

namespace {

using welcome_promise = caf::typed_response_promise<wire::frame<wire::NodeWelcome>>;

/// An event on its way into the core, and who waits for what comes of it.
struct input {
  wire::frame<wire::Event> event;
  agent_actor joining;                    // with a node's hello: the node
  std::optional<welcome_promise> welcome; // with a node's hello: the request to answer
};

/// What a step wants sent once its writes are durable.
struct released {
  core::effects effects;
  std::optional<welcome_promise> welcome;
  wire::frame<wire::NodeWelcome> welcome_text;
};

struct node {
  agent_actor agent;
  uint64_t agent_epoch;
};

/// Steps taken before the next commit. More would only delay the first of them.
constexpr size_t steps_per_commit_max = 1024;

struct controller_state {
  static constexpr const char* name = "controller";

  controller_actor::stateful_pointer<controller_state> self = nullptr;
  std::unique_ptr<core::cluster> cluster;
  store_actor store;
  std::shared_ptr<actors::tuner_pool> tuner;
  std::deque<input> arrived;
  bool committing = false;
  std::map<std::string, node> nodes;
  std::map<uint64_t, outcome_callback> waiting;
  uint64_t next_request = 1;
  int64_t last_micros = 0;
  std::optional<instant> wake_scheduled;

  /// The wall clock, never backwards: an adjusted clock must not expire anything early.
  int64_t now_micros() {
    const auto now =
        std::chrono::duration_cast<micros>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    return last_micros = std::max(last_micros, now);
  }

  template <class Fill>
  void take(Fill&& fill, agent_actor joining = {}, std::optional<welcome_promise> welcome = {}) {
    auto built = wire::frame<wire::Event>::build([&](wire::Event::Builder event) {
      event.setAtMicros(now_micros());
      fill(event);
    });
    arrived.push_back({std::move(built), std::move(joining), std::move(welcome)});
    if (!committing) step();
  }

  /// One round: steps for all that arrived, one commit, then the sending. Goes on until nothing is
  /// left.
  void step() {
    while (!arrived.empty() && !committing) {
      auto batch = std::make_shared<store::batch>();
      auto results = std::make_shared<std::vector<released>>();
      for (size_t taken = 0; taken < steps_per_commit_max && !arrived.empty(); ++taken) {
        auto next = std::move(arrived.front());
        arrived.pop_front();
        results->push_back(step_one(std::move(next), *batch));
      }
      if (batch->empty())
        release(*results);
      else
        commit(batch, results);
    }
    schedule_wake();
  }

  released step_one(input next, store::batch& batch) {
    released result;
    result.effects = cluster->on(next.event);
    append(batch, std::move(result.effects.writes));
    for (const auto& refused : result.effects.refusals)
      refuse(refused, next, result);
    if (next.welcome && !result.welcome) admit(next, result);
    return result;
  }

  void admit(input& next, released& result) {
    const auto hello = next.event->getNodeUp();
    nodes[wire::str(hello.getName())] = {next.joining, hello.getAgentEpoch()};
    self->monitor(next.joining);
    result.welcome = std::move(next.welcome);
    result.welcome_text =
        wire::frame<wire::NodeWelcome>::build([&](wire::NodeWelcome::Builder welcome) {
          welcome.setClusterId(cluster->id());
          welcome.setEpoch(cluster->epoch());
        });
    spdlog::info("event=node_up node={} agent_epoch={} replicas={}", wire::view(hello.getName()),
                 hello.getAgentEpoch(), hello.getReplicas().size());
  }

  void refuse(const core::refusal& refused, input& next, released& result) {
    spdlog::warn("event=node_refused node={} agent_epoch={} reason=\"{}\"", refused.node,
                 refused.agent_epoch, refused.reason);
    if (!next.welcome || wire::view(next.event->getNodeUp().getName()) != refused.node
        || next.event->getNodeUp().getAgentEpoch() != refused.agent_epoch)
      return;
    result.welcome = std::move(next.welcome);
    result.welcome_text = wire::frame<wire::NodeWelcome>::build(
        [&](wire::NodeWelcome::Builder welcome) { welcome.setError(refused.reason); });
  }

  void commit(const batch_ptr& batch, const std::shared_ptr<std::vector<released>>& results) {
    committing = true;
    // No deadline: a slow disk must not end the controller while the batch may still become durable.
    // A store that dies answers with an error.
    self->request(store, caf::infinite, atom::commit::value, batch)
        .then(
            [this, results](const commit_result& failed) {
              if (failed) die(failed->message);
              committing = false;
              release(*results);
              step();
            },
            [this](const caf::error& problem) { die(self->system().render(problem)); });
  }

  /// The core's state is ahead of a store that no longer takes writes. Nothing of it was
  /// acknowledged, so the honest way out is to stop: the replicas run on under their shims, and a
  /// restart goes on from what is durable.
  [[noreturn]] void die(const std::string& reason) {
    spdlog::critical("event=store_failed reason=\"{}\" note=\"stopping; running replicas are not "
                     "touched; fix the disk and start again\"",
                     reason);
    spdlog::shutdown();
    std::_Exit(70);
  }

  void release(std::vector<released>& results) {
    for (auto& result : results) {
      if (result.welcome) result.welcome->deliver(result.welcome_text);
      for (auto& order : result.effects.orders) {
        auto known = nodes.find(order.node);
        if (known != nodes.end())
          self->send(known->second.agent, atom::order::value, order.message);
      }
      for (auto& reply : result.effects.replies)
        answer(reply.request, std::move(reply.outcome));
      for (auto& request : result.effects.suggestion_requests)
        tuner->ask(self->system(), caf::actor_cast<controller_actor>(self), std::move(request));
      for (auto& request : result.effects.stopping_requests)
        tuner->ask(self->system(), caf::actor_cast<controller_actor>(self), std::move(request));
    }
  }

  void answer(uint64_t request, wire::frame<wire::Outcome> outcome) {
    auto found = waiting.find(request);
    if (found == waiting.end()) return;
    (*found->second)(std::move(outcome));
    waiting.erase(found);
  }

  void node_gone(const caf::down_msg& down) {
    for (auto at = nodes.begin(); at != nodes.end(); ++at) {
      if (at->second.agent.address() != down.source) continue;
      const auto [name, gone] = *at;
      nodes.erase(at);
      const auto reason = self->system().render(down.reason);
      spdlog::warn("event=node_down node={} reason=\"{}\"", name, reason);
      take([&](wire::Event::Builder event) {
        auto node_down = event.initNodeDown();
        node_down.setName(name);
        node_down.setAgentEpoch(gone.agent_epoch);
        node_down.setReason(reason);
      });
      return;
    }
  }

  void schedule_wake() {
    const auto wanted = cluster->wake_at();
    if (!wanted || (wake_scheduled && *wake_scheduled <= *wanted)) return;
    wake_scheduled = wanted;
    const auto delay = std::max(micros(1000), *wanted - instant_of(now_micros()));
    self->delayed_send(self,
                       std::chrono::duration_cast<std::chrono::milliseconds>(delay)
                           + std::chrono::milliseconds(1),
                       atom::tick::value);
  }

  void read_logs(const std::string& node, const wire::frame<wire::LogQuery>& query,
                 const logs_callback& callback) {
    auto known = nodes.find(node);
    if (known == nodes.end()) {
      (*callback)(fail(errc::unavailable,
                       "node {} is not connected, so its logs cannot be read now", node));
      return;
    }
    self->request(known->second.agent, std::chrono::seconds(10), atom::logs::value, query)
        .then(
            [callback](const wire::frame<wire::LogChunk>& chunk) {
              if (chunk->getError().size() > 0)
                (*callback)(fail(errc::unavailable, "{}", wire::view(chunk->getError())));
              else
                (*callback)(chunk);
            },
            [callback, node, this](const caf::error& problem) {
              (*callback)(fail(errc::unavailable, "node {} does not answer for its logs: {}", node,
                               self->system().render(problem)));
            });
  }
};

controller_actor::behavior_type
controller_behavior(controller_actor::stateful_pointer<controller_state> self,
                    const std::shared_ptr<std::unique_ptr<core::cluster>>& cluster,
                    const store_actor& store, const std::shared_ptr<tuner_pool>& tuner) {
  auto& state = self->state;
  state.self = self;
  state.cluster = std::move(*cluster);
  state.store = store;
  state.tuner = tuner;
  self->set_down_handler([&state](const caf::down_msg& down) { state.node_gone(down); });
  state.schedule_wake();
  return {
      [&state](atom::report, const wire::frame<wire::Report>& report) {
        state.take([&](wire::Event::Builder event) { event.setReport(*report); });
      },
      [&state, self](atom::join, const wire::frame<wire::NodeHello>& hello,
                     const agent_actor& agent) -> caf::result<wire::frame<wire::NodeWelcome>> {
        auto promise = self->make_response_promise<wire::frame<wire::NodeWelcome>>();
        state.take([&](wire::Event::Builder event) { event.setNodeUp(*hello); }, agent, promise);
        return promise;
      },
      [&state](atom::execute, const wire::frame<wire::Command>& command,
               const outcome_callback& callback) {
        const auto request = state.next_request++;
        state.waiting[request] = callback;
        state.take([&](wire::Event::Builder event) {
          event.setRequest(request);
          event.setSecret(random_hex(16));
          event.setCommand(*command);
        });
      },
      [&state](atom::logs, const std::string& node, const wire::frame<wire::LogQuery>& query,
               const logs_callback& callback) { state.read_logs(node, query, callback); },
      [&state](atom::suggest, const wire::frame<wire::Suggestions>& suggestions) {
        state.take([&](wire::Event::Builder event) {
          event.setSecret(random_hex(16));
          event.setSuggestions(*suggestions);
        });
      },
      [&state](atom::stop_trials, const wire::frame<wire::Stoppings>& stoppings) {
        state.take([&](wire::Event::Builder event) { event.setStoppings(*stoppings); });
      },
      [&state](atom::tick) {
        state.wake_scheduled.reset();
        state.take([](wire::Event::Builder event) { event.setTick(); });
      },
  };
}

} // namespace

controller_actor spawn_controller(caf::actor_system& system, std::unique_ptr<core::cluster> cluster,
                                  store_actor store, std::shared_ptr<tuner_pool> tuner) {
  // CAF copies constructor arguments, hence the box around what cannot be copied.
  auto box = std::make_shared<std::unique_ptr<core::cluster>>(std::move(cluster));
  return system.spawn(controller_behavior, box, store, std::move(tuner));
}

} // namespace troupe::actors
