// One replica as the agent sees it: starting its shim, or finding it again, listening to it, and
// knowing its end. Belongs to the reactor's thread.
#pragma once

#include "runtime/layout.hpp"
#include "runtime/program.hpp"
#include "runtime/reactor.hpp"
#include "runtime/settings.hpp"
#include "runtime/shim/status.hpp"
#include "wire/frame.hpp"
#include "wire/lifecycle.hpp"

#include <expected>
#include <functional>
#include <optional>

namespace troupe::runtime {

struct replica_events {
  std::function<void(const replica_key&)> changed; // read status() then
  std::function<void(const replica_key&)>
      metrics_file; // it was written; always called once before the end
};

class replica {
public:
  replica(const node_settings&, reactor&, replica_key, replica_events);
  /// Leaves the shim alone.
  ~replica();
  replica(const replica&) = delete;

  void launch(wire::Launch::Reader);
  /// Takes up what an earlier agent left: a live shim, a stored end, or neither. Does not call
  /// `changed`.
  void adopt();
  void stop(std::chrono::milliseconds grace);
  /// Kills the shim: it did not end its replica although it was asked to.
  void kill();

  const replica_key& key() const { return key_; }
  bool has_ended() const { return !wire::is_live(phase_); }
  wire::frame<wire::ReplicaStatus> status() const;
  std::filesystem::path metric_file() const { return directory_ / "hypertune" / "output.metrics"; }

private:
  std::expected<void, launch_failure> prepare(wire::Launch::Reader);
  std::expected<void, launch_failure> write_order(wire::Launch::Reader);
  std::expected<void, launch_failure> spawn();
  void fail_launch(const launch_failure&);
  void follow(pid_t shim);
  void connect();
  void hear();
  void on_shim_gone();
  void sweep();
  void begin_running(const shim::status&);
  void conclude(wire::ReplicaPhase, shim::status);
  std::optional<shim::status> stored(const char* name) const;
  void watch_metrics();
  void drop_all();

  const node_settings& settings_;
  reactor& reactor_;
  replica_key key_;
  replica_events events_;
  std::filesystem::path directory_;
  wire::ReplicaPhase phase_ = wire::ReplicaPhase::LAUNCHING;
  shim::status status_;
  bool adopting_ = false;
  pid_t shim_ = 0;
  unique_fd socket_, process_;
  reactor::ticket hearing_ = 0, following_ = 0, metrics_ = 0, sweeping_ = 0;
};

} // namespace troupe::runtime
