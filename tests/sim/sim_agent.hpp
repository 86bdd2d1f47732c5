// A node as the controller sees it: it obeys orders after random delays, its replicas end as chance
// has it, and it dies, restarts and loses its link. It checks what only a node can see: that no
// core and no port is given out twice, and that nothing live is forgotten.
#pragma once

#include "core/cluster/cluster.hpp"
#include "wire/lifecycle.hpp"

#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace troupe::sim {

/// The same numbers everywhere: the standard's distributions differ between libraries.
class chance {
public:
  explicit chance(uint64_t seed) : engine_(seed) {}
  int64_t below(int64_t limit) {
    return static_cast<int64_t>(engine_() % static_cast<uint64_t>(limit));
  }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool percent(int64_t share) { return below(100) < share; }

private:
  std::mt19937_64 engine_;
};

struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// job, attempt, pool, index
using replica_key = std::tuple<uint64_t, uint32_t, uint32_t, uint32_t>;

struct sim_replica {
  uint32_t incarnation = 0;
  wire::ReplicaPhase phase = wire::ReplicaPhase::LAUNCHING;
  int32_t code = 0;
  int32_t signal = 0;
  uint64_t cpu_millis = 0;
  uint16_t port = 0;
  bool measured = false; // its job is a trial
  bool stopping = false;
  uint64_t life = 0; // changes with each launch, so that a timer of an earlier one finds nothing

  bool live() const { return wire::is_live(phase); }
};

class sim_world;

class sim_agent {
public:
  sim_agent(sim_world& world, std::string name, uint64_t cpus, uint16_t ports)
      : world_(world), name_(std::move(name)), cpus_(cpus), ports_(ports) {}

  const std::string& name() const { return name_; }
  uint64_t epoch() const { return epoch_; }
  uint64_t session() const { return session_; }
  bool linked() const { return linked_; }
  size_t live_replicas() const;

  wire::frame<wire::Event> hello(int64_t now) const;
  void connect();
  void disconnect();
  void restart_agent();
  void reboot();
  void welcome(const std::string& cluster_id, uint64_t epoch);
  void obey(wire::Order::Reader);

private:
  void launch(wire::Launch::Reader);
  void stop(wire::Stop::Reader);
  void forget(wire::AttemptRef::Reader);
  void begin(replica_key, uint64_t life);
  void end(replica_key, uint64_t life, int32_t code, int32_t signal);
  void report(replica_key);
  void measure(replica_key, uint64_t life, int64_t step);
  void check() const;

  sim_world& world_;
  std::string name_;
  uint64_t cpus_;
  uint16_t ports_;
  uint64_t epoch_ = 1;
  uint64_t boots_ = 1;
  uint64_t lives_ = 0;
  uint64_t session_ = 0;
  bool linked_ = false;
  std::string cluster_id_;
  uint64_t controller_epoch_ = 0;
  std::map<replica_key, sim_replica> replicas_;
};

} // namespace troupe::sim
