#include "actors/node_ledger.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using actors::node_ledger;

namespace {

wire::frame<wire::ReplicaStatus> status(uint64_t job, wire::ReplicaPhase phase,
                                        uint32_t incarnation = 0) {
  return wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder status) {
    auto id = status.initId();
    id.setJobId(job);
    id.setAttempt(1);
    id.setIncarnation(incarnation);
    status.setPhase(phase);
  });
}

wire::frame<wire::MetricReport> measured(uint64_t job, int64_t step) {
  return wire::frame<wire::MetricReport>::build([&](wire::MetricReport::Builder report) {
    report.setJobId(job);
    report.setAttempt(1);
    report.initPoints(1)[0].setStep(step);
  });
}

node_ledger ledger() {
  actors::node_identity identity;
  identity.name = "a";
  identity.agent_epoch = 5;
  return node_ledger(identity);
}

} // namespace

TEST_CASE("a hello holds every replica once, with its metrics") {
  auto node = ledger();
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::LAUNCHING));
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::RUNNING));
  node.attempt({8, 1})->note(status(8, wire::ReplicaPhase::RUNNING));
  node.attempt({7, 1})->note(measured(7, 1));
  auto hello = node.hello();
  CHECK(wire::view(hello->getName()) == "a");
  CHECK(hello->getAgentEpoch() == 5);
  REQUIRE(hello->getReplicas().size() == 2);
  CHECK(hello->getReplicas()[0].getPhase() == wire::ReplicaPhase::RUNNING);
  CHECK(hello->getMetrics().size() == 1);
  CHECK(node.live() == 2);
}

TEST_CASE("an end is final, whatever arrives late") {
  auto node = ledger();
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::EXITED));
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::RUNNING));
  CHECK(node.hello()->getReplicas()[0].getPhase() == wire::ReplicaPhase::EXITED);
  CHECK(node.live() == 0);
}

TEST_CASE("an incarnation does not hide the one before it") {
  auto node = ledger();
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::EXITED, 0));
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::RUNNING, 1));
  CHECK(node.hello()->getReplicas().size() == 2);
  CHECK(node.attempt({7, 1})->live() == 1);
}

TEST_CASE("what is forgotten is in no later hello") {
  auto node = ledger();
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::EXITED));
  node.attempt({7, 1})->note(measured(7, 1));
  node.forget({7, 1});
  CHECK(node.hello()->getReplicas().size() == 0);
  CHECK(node.hello()->getMetrics().size() == 0);
}

TEST_CASE("a trial's measurements are bounded, the newest stay") {
  auto node = ledger();
  for (int64_t step = 0; step < 3000; ++step)
    node.attempt({7, 1})->note(measured(7, step));
  auto reports = node.attempt({7, 1})->metrics();
  CHECK(reports.size() == 1000);
  CHECK(reports.back()->getPoints()[0].getStep() == 2999);
}

TEST_CASE("a replica that is ordered counts as live, and an order again changes nothing") {
  auto node = ledger();
  const auto launch = wire::frame<wire::Launch>::build([](wire::Launch::Builder building) {
    auto id = building.initReplicas(1)[0];
    id.setJobId(7);
    id.setAttempt(1);
  });
  node.attempt({7, 1})->announce(*launch);
  CHECK(node.hello()->getReplicas()[0].getPhase() == wire::ReplicaPhase::LAUNCHING);
  CHECK(node.live() == 1);
  node.attempt({7, 1})->note(status(7, wire::ReplicaPhase::RUNNING));
  node.attempt({7, 1})->announce(*launch);
  CHECK(node.hello()->getReplicas()[0].getPhase() == wire::ReplicaPhase::RUNNING);
}
