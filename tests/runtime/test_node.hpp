// A node for tests: a temporary directory, a reactor, orders to launch, and a record of what attempts
// report, which tests can wait for.
#pragma once

#include "runtime/attempt.hpp"
#include "runtime/layout.hpp"
#include "runtime/log_reader.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/waiting.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <stdlib.h>
#include <string>
#include <vector>

namespace troupe::runtime {

struct pool {
  std::vector<std::string> command;
  std::string image = "host";
  uint32_t replicas = 1;
  bool reducers = false;
  std::vector<std::pair<std::string, std::string>> variables = {};
};

struct job {
  uint64_t id = 4711;
  uint32_t attempt = 1;
  uint32_t incarnation = 0;
  std::vector<pool> pools;
  std::string trial = {};
  std::string output = {};
  uint16_t port = 0; // of every replica; 0 is not checked
};

inline wire::frame<wire::Launch>
order_of(const job& job, const std::function<void(wire::Launch::Builder)>& change = {}) {
  return wire::frame<wire::Launch>::build([&](wire::Launch::Builder out) {
    out.setJobId(job.id);
    out.setAttempt(job.attempt);
    out.setProject("p");
    out.setLocation("local");
    out.setTrialId(job.trial);
    out.setToken("secret");
    auto specs = out.initSpec().initWorkerPoolSpecs(uint32_t(job.pools.size()));
    auto placements = out.initPools(uint32_t(job.pools.size()));
    if (!job.output.empty()) out.getSpec().initBaseOutputDirectory().setOutputUriPrefix(job.output);
    std::vector<replica_key> keys;
    for (uint32_t p = 0; p < job.pools.size(); ++p) {
      const auto& pool = job.pools[p];
      auto endpoints = placements[p].initEndpoints(pool.replicas);
      placements[p].setReducers(pool.reducers);
      for (uint32_t i = 0; i < pool.replicas; ++i) {
        endpoints[i].setNode("n1");
        endpoints[i].setHost("127.0.0.1");
        endpoints[i].setPort(job.port);
        keys.push_back({job.id, job.attempt, p, i, job.incarnation});
      }
      if (pool.replicas == 0) continue;
      specs[p].setReplicaCount(pool.replicas);
      auto container = specs[p].initContainerSpec();
      container.setImageUri(pool.image);
      auto command = container.initCommand(uint32_t(pool.command.size()));
      for (uint32_t i = 0; i < pool.command.size(); ++i)
        command.set(i, pool.command[i]);
      auto variables = container.initEnv(uint32_t(pool.variables.size()));
      for (uint32_t i = 0; i < pool.variables.size(); ++i) {
        variables[i].setName(pool.variables[i].first);
        variables[i].setValue(pool.variables[i].second);
      }
    }
    auto replicas = out.initReplicas(uint32_t(keys.size()));
    for (uint32_t i = 0; i < keys.size(); ++i)
      fill(replicas[i], keys[i]);
    if (change) change(out);
  });
}

inline job shell(const std::string& script) { return {.pools = {{{"/bin/sh", "-c", script}}}}; }

inline wire::frame<wire::Stop> stop_of(uint64_t job, uint32_t grace_ms) {
  return wire::frame<wire::Stop>::build([&](wire::Stop::Builder out) {
    out.setJobId(job);
    out.setAttempt(1);
    out.setGraceMs(grace_ms);
  });
}

/// What attempts told, in order.
class witness {
public:
  attempt_events events() {
    return {[this](auto status) { add(std::move(status)); },
            [this](auto report) { add_metrics(std::move(report)); }};
  }
  using status_frame = wire::frame<wire::ReplicaStatus>;

  /// The first status that fits; fails the test after a generous deadline.
  status_frame wait_for(const std::function<bool(wire::ReplicaStatus::Reader)>& fits) {
    std::unique_lock lock(mutex_);
    size_t found = 0;
    bool in_time = changed_.wait_for(lock, std::chrono::seconds(60), [&] {
      for (found = 0; found < statuses_.size(); ++found)
        if (fits(*statuses_[found])) return true;
      return false;
    });
    REQUIRE(in_time);
    return statuses_[found];
  }
  status_frame wait_for(wire::ReplicaPhase phase, uint32_t incarnation = 0, uint32_t pool = 0) {
    return wait_for([=](auto status) {
      return status.getPhase() == phase && status.getId().getIncarnation() == incarnation
             && status.getId().getPool() == pool;
    });
  }
  status_frame wait_for_end() {
    return wait_for([](auto status) { return status.getPhase() >= wire::ReplicaPhase::EXITED; });
  }
  void wait_for_metrics(size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return points_.size() >= count; }));
  }
  std::vector<status_frame> statuses() {
    std::lock_guard lock(mutex_);
    return statuses_;
  }
  struct point {
    std::string tag;
    double value;
    int64_t step;
    bool before_end;
  };
  std::vector<point> points() {
    std::lock_guard lock(mutex_);
    return points_;
  }

private:
  void add(status_frame status) {
    std::lock_guard lock(mutex_);
    ended_ |= status->getPhase() >= wire::ReplicaPhase::EXITED;
    statuses_.push_back(std::move(status));
    changed_.notify_all();
  }
  void add_metrics(wire::frame<wire::MetricReport> report) {
    std::lock_guard lock(mutex_);
    for (auto each : report->getPoints())
      points_.push_back({wire::str(each.getTag()), each.getValue(), each.getStep(), !ended_});
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<status_frame> statuses_;
  std::vector<point> points_;
  bool ended_ = false;
};

struct line {
  std::string replica;
  std::string text;
  bool is_stderr;
  int64_t timestamp_nanos;
  uint64_t next_offset;
};

/// Every attempt that an earlier agent left and that is not damaged.
inline std::vector<std::unique_ptr<attempt>>
adopt_all(const node_settings& settings, reactor& loop,
          const std::function<attempt_events()>& events) {
  auto left = left_attempts(settings);
  REQUIRE(left);
  std::vector<std::unique_ptr<attempt>> adopted;
  for (const auto& [job, number] : *left)
    if (auto one = attempt::adopt(settings, loop, job, number, events()))
      adopted.push_back(std::move(*one));
  return adopted;
}

class node {
public:
  node() {
    settings.directory = scratch.path() / "agent";
    settings.node_name = "n1";
    settings.shim = TROUPE_SHIM;
    loop = std::move(reactor::create().value());
  }

  /// Creates and starts at once.
  std::unique_ptr<attempt> run(const job& job) { return run(order_of(job)); }
  std::unique_ptr<attempt> run(const wire::frame<wire::Launch>& order) {
    auto made = attempt::create(settings, *loop, order, seen.events());
    REQUIRE(made);
    (*made)->start(order);
    return std::move(*made);
  }

  std::vector<line> logs(uint64_t job = 4711, uint32_t entries_max = 0,
                         const line* after = nullptr) {
    auto query = wire::frame<wire::LogQuery>::build([&](wire::LogQuery::Builder out) {
      out.setJobId(job);
      out.setEntriesMax(entries_max);
      if (!after) return;
      auto position = out.initPositions(1)[0];
      position.setReplica(after->replica);
      position.setOffset(after->next_offset);
    });
    auto chunk = read_logs(settings, *query);
    REQUIRE(chunk);
    std::vector<line> out;
    for (auto entry : (*chunk)->getEntries())
      out.push_back({wire::str(entry.getReplica()), wire::str(entry.getLine()), entry.getStderr(),
                     entry.getTimestampNanos(), entry.getNextOffset()});
    return out;
  }
  std::vector<std::string> texts(uint64_t job = 4711) {
    std::vector<std::string> out;
    for (auto& each : logs(job))
      out.push_back(each.text);
    return out;
  }

  /// Waits for a file that a replica makes when it has come to some point.
  static void wait_for_file(const std::filesystem::path& path) {
    REQUIRE(test::eventually([&] { return std::filesystem::exists(path); }));
  }

  test::scratch scratch;
  node_settings settings;
  std::unique_ptr<reactor> loop;
  witness seen;
};

} // namespace troupe::runtime
