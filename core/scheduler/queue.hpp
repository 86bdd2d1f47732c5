// The jobs that wait for a place, in submit order, grouped by the shape of what they ask for: when
// one gang of a shape does not fit, none of that shape does, so a burst of ten thousand equal jobs
// costs one failed search, not ten thousand.
#pragma once

#include "core/scheduler/placement.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::core {

class job_queue {
public:
  struct shape {
    std::vector<pool_demand> pools;
    std::set<uint64_t> jobs; // ids grow with submission, so this is the submit order
    bool blocked = false;    // did not fit, and nothing was freed since
  };

  void add(uint64_t job, const std::string& name, const std::vector<pool_demand>& pools) {
    shape& group = shapes_[name];
    if (group.jobs.empty()) group.pools = pools;
    group.jobs.insert(job);
    jobs_.emplace(job, name);
  }

  /// False if it was not there.
  bool remove(uint64_t job) {
    auto found = jobs_.find(job);
    if (found == jobs_.end()) return false;
    auto group = shapes_.find(found->second);
    group->second.jobs.erase(job);
    if (group->second.jobs.empty()) shapes_.erase(group);
    jobs_.erase(found);
    return true;
  }

  void unblock() {
    for (auto& [name, group] : shapes_)
      group.blocked = false;
  }

  bool contains(uint64_t job) const { return jobs_.contains(job); }
  const std::map<uint64_t, std::string>& jobs() const { return jobs_; }
  std::map<std::string, shape>& shapes() { return shapes_; }

private:
  std::map<uint64_t, std::string> jobs_; // with the name of its shape
  std::map<std::string, shape> shapes_;
};

} // namespace troupe::core
