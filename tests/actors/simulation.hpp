// CAF without threads, for tests of actors: messages are delivered one by one, in run(), and time
// passes only in run().
#pragma once

#include "actors/actors.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <doctest/doctest.h>

namespace troupe::actors {

class simulation {
public:
  simulation() : system(testing(settings_)) {}

  /// Delivers messages until there are none.
  void run() { scheduler().run(); }

  /// Sends a request, delivers messages until there are none, and returns the answer.
  template <class Answer, class Actor, class... Message>
  std::optional<Answer> ask(const Actor& actor, Message&&... message) {
    std::optional<Answer> found;
    caf::scoped_actor self{system};
    auto request = self->request(actor, caf::infinite, std::forward<Message>(message)...);
    run();
    if (self->mailbox().empty()) return std::nullopt;
    request.receive([&](const Answer& answer) { found = answer; }, [](const caf::error&) {});
    return found;
  }

private:
  static caf::actor_system_config& testing(caf::actor_system_config& settings) {
    settings.set("scheduler.policy", caf::atom("testing"));
    return settings;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  caf::actor_system_config settings_;

public:
  caf::actor_system system;
};

} // namespace troupe::actors
