#include "actors/attempt_actor.hpp"

#include "base/files.hpp"
#include "runtime/shim/identity.hpp"
#include "tests/actors/node_under_test.hpp"
#include "tests/actors/simulation.hpp"

#include <doctest/doctest.h>

#include <signal.h>

using namespace troupe;
using namespace troupe::actors;
using runtime::order_of;
using runtime::shell;
using runtime::stop_of;
using wire::ReplicaPhase;

namespace {

constexpr node_ledger::attempt_key key{4711, 1};

/// An attempt actor whose messages are delivered one by one; nothing really runs.
struct simulated_attempt {
  simulated_attempt() { node.forbid_attempts(); }
  ~simulated_attempt() {
    caf::anon_send_exit(attempt, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(target, caf::exit_reason::user_shutdown);
    caf.run();
  }

  template <class... Message>
  void send(Message&&... message) {
    caf::anon_send(attempt, std::forward<Message>(message)...);
    caf.run();
  }

  node_under_test node;
  simulation caf;
  report_target_actor target = caf.system.spawn(report_log_behavior, node.log);
  attempt_actor attempt = spawn_attempt(caf.system, node.for_attempt(), key);
};

/// The same with threads and real processes.
struct real_attempt {
  explicit real_attempt(std::chrono::milliseconds shim_patience = std::chrono::seconds(10)) {
    auto context = node.for_attempt();
    context.shim_patience = shim_patience;
    attempt = spawn_attempt(system, context, key);
    caf::anon_send(attempt, atom::attach::value, target);
  }
  ~real_attempt() {
    caf::anon_send_exit(attempt, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(target, caf::exit_reason::user_shutdown);
  }

  node_under_test node;
  caf::actor_system_config settings;
  caf::actor_system system{settings};
  report_target_actor target = system.spawn(report_log_behavior, node.log);
  attempt_actor attempt;
};

} // namespace

TEST_CASE("an attempt actor runs what it is told to launch and reports its end") {
  real_attempt test;
  caf::anon_send(test.attempt, atom::launch::value,
                 wire::part<wire::Launch>(order_of(shell("exit 3"))));
  REQUIRE(test.node.log->wait_for(ReplicaPhase::EXITED));
  const auto last = test.node.log->reports().back();
  CHECK(last->getReplica().getExitCode() == 3);
  CHECK(wire::view(last->getNode()) == "n1");
  CHECK(last->getAgentEpoch() == 5);
  CHECK(test.node.ledger->attempt(key)->statuses()[0]->getPhase() == ReplicaPhase::EXITED);
}

TEST_CASE("an attempt actor kills a replica whose shim does not obey a stop in time") {
  real_attempt test(std::chrono::milliseconds(50));
  caf::anon_send(test.attempt, atom::launch::value,
                 wire::part<wire::Launch>(order_of(shell("exec sleep 1000"))));
  REQUIRE(test.node.log->wait_for(ReplicaPhase::RUNNING));
  const auto directory =
      runtime::replica_directory(test.node.settings->directory, {4711, 1, 0, 0, 0});
  const auto record = runtime::shim::decode_identity(*read_file(directory / "record"));
  REQUIRE(record);
  REQUIRE(::kill(record->pid, SIGSTOP) == 0);
  caf::anon_send(test.attempt, atom::stop::value, wire::part<wire::Stop>(stop_of(4711, 0)));
  REQUIRE(test.node.log->wait_for(ReplicaPhase::EXITED));
  CHECK(test.node.log->reports().back()->getReplica().getSignal() == SIGKILL);
}

TEST_CASE("an attempt actor reports nothing before it is attached, then all, metrics first") {
  simulated_attempt test;
  test.send(atom::status::value, status_of(ReplicaPhase::RUNNING));
  test.send(atom::metrics::value, metrics_of(1));
  test.send(atom::status::value, status_of(ReplicaPhase::EXITED));
  CHECK(test.node.log->reports().empty());
  test.send(atom::attach::value, test.target);
  const auto reports = test.node.log->reports();
  REQUIRE(reports.size() == 2);
  CHECK(reports[0]->isMetrics());
  REQUIRE(reports[1]->isReplica());
  CHECK(reports[1]->getReplica().getPhase() == ReplicaPhase::EXITED);
  CHECK(reports[1]->getSequence() == reports[0]->getSequence() + 1);
}

TEST_CASE("an attempt actor reports a launch that fails, for each replica") {
  simulated_attempt test;
  test.send(atom::attach::value, test.target);
  test.send(atom::launch::value, wire::part<wire::Launch>(order_of(shell("true"))));
  const auto reports = test.node.log->reports();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0]->getReplica().getPhase() == ReplicaPhase::FAILED);
  CHECK(reports[0]->getReplica().getMessage().size() > 0);
  CHECK(test.node.ledger->live() == 0);
}

TEST_CASE("an attempt actor that is told to stop reports ended replicas again, but no live ones") {
  simulated_attempt test;
  test.send(atom::attach::value, test.target);
  test.send(atom::status::value, status_of(ReplicaPhase::RUNNING));
  test.send(atom::stop::value, wire::part<wire::Stop>(stop_of(4711, 0)));
  CHECK(test.node.log->reports().size() == 1);
  test.send(atom::status::value, status_of(ReplicaPhase::EXITED));
  test.send(atom::stop::value, wire::part<wire::Stop>(stop_of(4711, 0)));
  CHECK(test.node.log->reports().size() == 3);
}

TEST_CASE(
    "an attempt actor answers a shutdown once no replica is left, and reports nothing of it") {
  simulated_attempt test;
  test.send(atom::attach::value, test.target);
  test.send(atom::status::value, status_of(ReplicaPhase::RUNNING));
  const auto before = test.node.log->reports().size();
  caf::scoped_actor self{test.caf.system};
  auto request = self->request(test.attempt, caf::infinite, atom::shutdown::value);
  test.caf.run();
  CHECK(self->mailbox().empty());
  test.send(atom::status::value, status_of(ReplicaPhase::EXITED));
  bool stopped = false;
  request.receive([&](bool answer) { stopped = answer; }, [](const caf::error&) {});
  CHECK(stopped);
  CHECK(test.node.log->reports().size() == before);
}

TEST_CASE("an attempt actor does not adopt an attempt that left nothing") {
  simulated_attempt test;
  CHECK(test.caf.ask<bool>(test.attempt, atom::adopt::value) == false);
}
