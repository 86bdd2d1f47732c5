// A cluster with its store and a clock set by hand, and short words for what users and nodes say to it.
// Every step commits what it wrote and checks the invariants.
#pragma once

#include "core/cluster/cluster.hpp"
#include "store/store.hpp"
#include "tests/support/jobs.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::test {

using wire::JobState;
using wire::ReplicaPhase;

struct node_wish {
  std::string name = "a";
  uint64_t cpus = 4;
  uint64_t memory_gib = 64;
  uint32_t gpus = 0;
  wire::AcceleratorType gpu_type = wire::AcceleratorType::L4;
  uint16_t ports = 100;
  std::string boot = "boot-1";
  uint64_t agent_epoch = 1;
  std::string cluster_id;
};

struct replica_word {
  uint64_t job = 0;
  uint32_t attempt = 1;
  uint32_t pool = 0;
  uint32_t index = 0;
  uint32_t incarnation = 0;
  ReplicaPhase phase = ReplicaPhase::RUNNING;
  int32_t code = 0;
  int32_t signal = 0;
  std::string message;
  bool oom = false;
  bool permanent = false;
};

void fill_status(wire::ReplicaStatus::Builder, const replica_word&);

class world {
public:
  explicit world(core::settings = {});

  core::effects& step(const std::function<void(wire::Event::Builder)>& fill);
  void settle();
  core::scanner scanner() const;

  /// The controller dies and another takes over.
  void restart();
  void pass(int64_t seconds);

  // -- users --

  uint64_t submit(const job_wish& = {});
  void cancel(uint64_t job);
  void remove(uint64_t job);
  static wire::Command::Builder in_project(wire::Event::Builder);
  static uint64_t id_of(const std::string& name);

  // -- nodes --

  core::effects& hello(const node_wish& = {}, const std::vector<replica_word>& = {});
  core::effects& down(const std::string& name);
  core::effects& say(const std::string& node, const replica_word&);
  wire::Report::Builder report(wire::Event::Builder, const std::string& node);
  void running(uint64_t job, const std::string& node = "a");
  void exits(uint64_t job, int32_t code, const std::string& node = "a");

  // -- what became of it --

  template <class T>
  std::optional<wire::frame<T>> stored(store::family kind, uint64_t id) const {
    auto value = db->read(kind, store::key_of(id));
    REQUIRE(value);
    if (!*value) return std::nullopt;
    auto parsed = wire::frame<T>::parse(**value);
    REQUIRE(parsed);
    return *parsed;
  }
  wire::frame<wire::CustomJob> job(uint64_t id) const;
  wire::frame<wire::AttemptRecord> attempt(uint64_t id) const;
  /// Of a study or a tuning job, in order.
  std::vector<wire::frame<wire::Trial>> trials(uint64_t id) const;
  JobState state(uint64_t id) const;
  std::string reason(uint64_t id) const;
  std::string error(uint64_t id) const;
  wire::frame<wire::NodeRecord> node(const std::string& name) const;
  std::vector<std::string> service_logs(uint64_t id) const;
  std::string reply_error() const;
  int32_t reply_code() const;
  /// The last step's orders of a kind, for a node (for all of them if empty).
  std::vector<wire::Order::Reader> sent(wire::Order::Which kind,
                                        const std::string& node = "") const;
  size_t count_sent(wire::Order::Which kind, const std::string& node = "") const;

  core::settings settings;
  std::unique_ptr<store::database> db;
  std::unique_ptr<core::cluster> cluster;
  int64_t now = 1'000'000'000'000'000;
  uint64_t request = 0;
  core::effects last;
  std::vector<core::order> orders;
  std::map<std::string, node_wish> nodes;
};

} // namespace troupe::test
