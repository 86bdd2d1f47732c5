// The parts of core, put together: each owns its share of the state, and the step calls them in order.
#pragma once

#include "core/jobs/custom_jobs.hpp"
#include "core/jobs/node_reports.hpp"
#include "core/nodes/nodes.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/state/changes.hpp"
#include "core/state/timers.hpp"
#include "core/studies/studies.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::core {

struct parts {
  explicit parts(core::settings settings, std::string cluster_id) {
    state.settings = std::move(settings);
    state.cluster_id = std::move(cluster_id);
  }

  cluster_state state;
  core::changes changes{state};
  core::timers timers;
  core::scheduler scheduler{state, changes};
  core::nodes nodes{state, changes, timers};
  core::attempts attempts{state, changes, timers, scheduler, nodes};
  core::custom_jobs jobs{state, changes, scheduler, attempts};
  core::node_reports reports{state, changes, scheduler, nodes, attempts};
  core::studies studies{state, changes, timers, jobs};
  uint64_t steps = 0;

  /// One event, then what is due, then what has become possible (placements, suggestions).
  effects step(const wire::frame<wire::Event>&);

private:
  void handle(wire::Event::Reader);
  void command(wire::Command::Reader, std::string_view secret);
  void node_up(wire::NodeHello::Reader);
  void node_down(wire::NodeDown::Reader);
  void report(wire::Report::Reader);
  void run_timers();
};

} // namespace troupe::core
