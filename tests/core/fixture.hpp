// The lower parts of core by themselves: state, changes, timers, queue and nodes, with nodes and jobs
// that are simply put into the state. For tests of one part without a cluster around it.
#pragma once

#include "core/jobs/spec.hpp"
#include "core/nodes/nodes.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/state/changes.hpp"
#include "core/state/timers.hpp"
#include "tests/support/jobs.hpp"

#include <doctest/doctest.h>

#include <string>

namespace troupe::test {

struct fixture {
  fixture() {
    state.cluster_id = "c0ffee";
    state.now = 1'000'000'000'000'000;
    out.begin(1);
  }

  /// A connected node.
  core::node& add_node(const std::string& name, uint64_t cpus = 4) {
    core::node& n = state.nodes[name];
    n.name = name;
    n.address = "10.0.0." + name;
    n.boot_id = "boot-1";
    n.agent_epoch = 1;
    n.total = {.cpu_millis = cpus * 1000, .memory_bytes = uint64_t{64} << 30};
    n.port_first = 20000;
    n.port_last = 20099;
    n.connected = true;
    return n;
  }

  /// A job that nobody has queued yet.
  core::custom_job& add_job(const job_wish& wish = {}) {
    const uint64_t id = state.next_id++;
    core::custom_job& job = state.jobs[id];
    job.id = id;
    job.submitted = wire::frame<wire::CustomJob>::build([&](wire::CustomJob::Builder builder) {
      builder.setName(wire::text("projects/p/locations/l/customJobs/" + std::to_string(id)));
      fill_spec(builder.initJobSpec(), wish);
    });
    job.create_micros = state.now;
    job.unplaceable = core::read_spec(job, state.settings.machines);
    return job;
  }

  /// The end of the step, and the begin of the next.
  core::effects flush() {
    auto event = wire::frame<wire::Event>::build(
        [&](wire::Event::Builder builder) { builder.setAtMicros(state.now); });
    core::effects effects = out.finish(event);
    out.begin(1);
    return effects;
  }

  core::cluster_state state;
  core::changes out{state};
  core::timers timers;
  core::scheduler queue{state, out};
  core::nodes nodes{state, out, timers};
};

} // namespace troupe::test
