// A node for tests of the agent's actors: a directory, a reactor, a ledger, and a report target that
// keeps what it receives.
#pragma once

#include "actors/agent.hpp"
#include "tests/runtime/test_node.hpp"

#include <algorithm>

namespace troupe::actors {

/// The reports that a target received, in order; a test may wait for one.
class report_log {
public:
  using report_frame = wire::frame<wire::Report>;

  void add(const report_frame& report) {
    std::lock_guard lock(mutex_);
    reports_.push_back(report);
    changed_.notify_all();
  }
  std::vector<report_frame> reports() const {
    std::lock_guard lock(mutex_);
    return reports_;
  }
  template <class Fits>
  bool wait_for(Fits&& fits) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60),
                             [&] { return std::ranges::any_of(reports_, fits); });
  }
  bool wait_for(wire::ReplicaPhase phase) const {
    return wait_for([=](const report_frame& report) {
      return report->isReplica() && report->getReplica().getPhase() == phase;
    });
  }

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<report_frame> reports_;
};

inline report_target_actor::behavior_type
report_log_behavior(report_target_actor::pointer, const std::shared_ptr<report_log>& log) {
  return {[log](atom::report, const wire::frame<wire::Report>& report) { log->add(report); }};
}

struct node_under_test {
  node_under_test() {
    settings->directory = scratch.path() / "agent";
    settings->node_name = "n1";
    settings->shim = TROUPE_SHIM;
    node_identity identity;
    identity.name = "n1";
    identity.boot_id = "boot";
    identity.agent_epoch = 5;
    ledger = std::make_shared<node_ledger>(std::move(identity));
    reactor = std::move(runtime::reactor::create().value());
  }

  /// No attempt can be made here, so nothing runs and no other thread sends anything.
  void forbid_attempts() { settings->directory = "/dev/null/agent"; }

  agent_context for_agent() const { return {settings, reactor, ledger}; }
  attempt_context for_attempt() const { return {settings, reactor, ledger}; }

  test::scratch scratch;
  std::shared_ptr<runtime::node_settings> settings = std::make_shared<runtime::node_settings>();
  std::shared_ptr<node_ledger> ledger;
  std::shared_ptr<runtime::reactor> reactor;
  std::shared_ptr<report_log> log = std::make_shared<report_log>();
};

inline wire::frame<wire::ReplicaStatus> status_of(wire::ReplicaPhase phase) {
  return wire::frame<wire::ReplicaStatus>::build([&](wire::ReplicaStatus::Builder status) {
    runtime::fill(status.initId(), {4711, 1, 0, 0, 0});
    status.setPhase(phase);
  });
}

inline wire::frame<wire::MetricReport> metrics_of(int64_t step) {
  return wire::frame<wire::MetricReport>::build([&](wire::MetricReport::Builder report) {
    report.setJobId(4711);
    report.setAttempt(1);
    report.initPoints(1)[0].setStep(step);
  });
}

} // namespace troupe::actors
