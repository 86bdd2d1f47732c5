// The scheduler owns the queue, and knows what has changed since it last looked: it plans again only
// when something was freed or queued, and tells jobs again why they wait only when that may have
// changed. It reads jobs and nodes and starts nothing: the caller that asks for the next placements does.
#pragma once

#include "core/scheduler/plan.hpp"
#include "core/state/changes.hpp"

#include <set>
#include <string>
#include <vector>

namespace troupe::core {

/// A replica of a placed job, and the node that it gets.
struct placed_replica {
  uint32_t pool;
  uint32_t index;
  std::string node;
};

struct placed_job {
  uint64_t job;
  std::vector<placed_replica> replicas; // ordered by pool and index
};

class scheduler {
public:
  scheduler(cluster_state& state, changes& out) : state_(state), out_(out) {}

  // -- the queue --
  void enqueue(const custom_job&);
  void dequeue(const custom_job&);
  bool waits(uint64_t job) const { return queue_.contains(job); }

  // -- what others report --
  /// A place became free, or a node usable: jobs that did not fit may fit now.
  void freed() { freed_ = books_changed_ = true; }
  /// What is free has changed, though nothing more fits: only the reasons may differ.
  void books_changed() { books_changed_ = true; }
  /// What the nodes have, whether free or not.
  void totals_changed() { totals_changed_ = true; }

  /// The jobs that start now; they are out of the queue.
  std::vector<placed_job> next_placements();

  /// Explains again why jobs wait, where that may have changed.
  void refresh_reasons();

private:
  void leave(uint64_t job);
  void explain(custom_job&, size_t ahead);

  cluster_state& state_;
  changes& out_;
  job_queue queue_;
  bool freed_ = true;
  bool queued_ = false;
  bool books_changed_ = true;    // what is free, or the queue
  bool totals_changed_ = true;   // what the nodes have at all
  std::set<uint64_t> explained_; // queued jobs whose reason tells their exact place
  std::set<uint64_t> new_in_queue_;
};

} // namespace troupe::core
