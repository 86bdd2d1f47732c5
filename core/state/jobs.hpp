// Custom jobs, as plain values: what is submitted, the attempt under way, and its replicas. Texts and
// trees that never change after submission stay in the frame they came in. Times are microseconds
// since the epoch, 0 where there is none, as stored. Fields marked "volatile" are not stored: they
// are rebuilt from what nodes report when they reconnect.
#pragma once

#include "core/machines/pools.hpp"
#include "core/state/failure.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"
#include "wire/lifecycle.hpp"
#include "wire/metric_point.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::core {

struct replica {
  uint32_t pool = 0;
  uint32_t index = 0;
  uint32_t incarnation = 0;
  wire::ReplicaPhase phase = wire::ReplicaPhase::LAUNCHING;
  int32_t exit_code = 0;
  int32_t signal = 0;
  std::string message;
  bool out_of_memory = false;
  bool permanent = false;
  int64_t started_micros = 0;
  int64_t ended_micros = 0;
  std::string node;
  std::string host;
  uint16_t port = 0;
  std::vector<uint16_t> gpu_indices; // of the node's GPUs; as many as `held` says
  bool released = false;
  amounts held;
  int64_t ordered_micros = 0; // volatile: when the launch was last ordered

  bool ended() const { return !wire::is_live(phase); }
};

struct custom_job {
  uint64_t id = 0;
  std::string project;
  std::string location;
  std::string token;
  wire::frame<wire::CustomJob> submitted; // named; what changes later is below
  wire::JobState state = wire::JobState::QUEUED;
  int64_t create_micros = 0;
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  int64_t update_micros = 0;
  std::optional<failure> error;

  // Read from the spec.
  std::vector<pool_demand> pools;
  std::string
      unplaceable; // why `pools` could not be read (a machine type that the config no longer has)
  int64_t timeout_micros = 0;
  int64_t max_wait_micros = 0; // 0: waits forever
  bool disable_retries = false;
  bool restart_job_on_worker_restart = false;

  // The attempt.
  uint32_t attempt = 0;
  std::vector<replica>
      replicas; // all assignments of the gang, by (pool, index); empty while it waits
  uint32_t retries = 0;
  bool cancel_requested = false;
  int64_t deadline_micros = 0;
  int64_t kill_deadline_micros = 0;
  // What follows when the last replica has stopped: CANCELLED, QUEUED (a new attempt), PENDING (all
  // restart in place); UNSPECIFIED while nothing of that kind is under way.
  wire::JobState after_stop = wire::JobState::UNSPECIFIED;
  std::string first_failure;
  std::string reason;
  std::set<std::string> log_nodes;
  uint32_t service_logs = 0;
  bool deleted =
      false; // its resource is gone; the attempt stays until the last replica has stopped

  uint64_t tuning_job = 0;
  uint32_t trial = 0;
  std::vector<wire::metric_point> points; // in order of arrival

  std::vector<std::string> metric_tags; // derived: of a trial, what its study measures

  bool terminal() const { return wire::is_over(state); }
  /// Its replicas are to end, so their exits decide nothing any more.
  bool stopping() const { return terminal() || after_stop != wire::JobState::UNSPECIFIED; }
  /// In-place restarts keep their assignments, so the attempt goes on.
  bool attempt_over() const { return stopping() && after_stop != wire::JobState::PENDING; }
  bool live_replicas() const {
    for (const replica& r : replicas)
      if (!r.ended()) return true;
    return false;
  }
  bool lives_on(std::string_view node) const {
    for (const replica& r : replicas)
      if (r.node == node && !r.ended()) return true;
    return false;
  }
};

} // namespace troupe::core
