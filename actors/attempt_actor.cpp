#include "actors/attempt_actor.hpp"

#include <spdlog/spdlog.h>

namespace troupe::actors {

namespace {

struct attempt_state {
  static constexpr const char* name = "attempt";

  attempt_context context{};
  local_agent_actor agent;
  std::shared_ptr<runtime::attempt> attempt;
};

wire::frame<wire::ReplicaStatus> failed_status(wire::ReplicaId::Reader id, const error& reason) {
  return wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder status) {
    status.setId(id);
    status.setPhase(wire::ReplicaPhase::FAILED);
    status.setMessage(reason.message);
    status.setPermanent(reason.code == errc::invalid_argument);
  });
}

attempt_actor::behavior_type attempt_behavior(attempt_actor::stateful_pointer<attempt_state> self,
                                              const attempt_context& context,
                                              const local_agent_actor& agent) {
  auto& state = self->state;
  state.context = context;
  state.agent = agent;
  return {
      [&state, self](atom::launch, const wire::part<wire::Launch>& launch) {
        if (!state.attempt) {
          auto created =
              runtime::attempt::create(*state.context.settings, *state.context.reactor, launch,
                                       events_for(caf::actor_cast<attempt_actor>(self)));
          if (!created) {
            spdlog::error("event=attempt_failed job={} attempt={} reason=\"{}\"",
                          launch->getJobId(), launch->getAttempt(), created.error().message);
            for (auto id : launch->getReplicas())
              self->send(state.agent, atom::status::value, failed_status(id, created.error()));
            return;
          }
          state.attempt = std::move(*created);
        }
        state.attempt->start(launch);
      },
      [&state](atom::stop, const wire::part<wire::Stop>& stop) {
        if (state.attempt) state.attempt->stop(stop);
      },
      [&state](atom::adopt, const std::shared_ptr<runtime::attempt>& attempt) {
        state.attempt = attempt;
      },
      [&state, self](atom::status, const wire::frame<wire::ReplicaStatus>& status) {
        self->send(state.agent, atom::status::value, status);
      },
      [&state, self](atom::metrics, const wire::frame<wire::MetricReport>& metrics) {
        self->send(state.agent, atom::metrics::value, metrics);
      },
  };
}

} // namespace

attempt_actor spawn_attempt(caf::actor_system& system, attempt_context context,
                            local_agent_actor agent) {
  return system.spawn(attempt_behavior, context, agent);
}

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

} // namespace troupe::actors
