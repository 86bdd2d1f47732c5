// The state of the whole cluster: what the parts of core read, and what each changes in its own share
// (jobs: core/jobs, tuning_jobs and client_studies: core/studies, nodes: core/nodes).
#pragma once

#include "core/state/jobs.hpp"
#include "core/state/nodes.hpp"
#include "core/state/settings.hpp"
#include "core/state/studies.hpp"

#include <map>
#include <set>
#include <string>

namespace troupe::core {

struct cluster_state {
  /// The id of the first resource of a cluster: 19 digits, as Vertex's ids have.
  static constexpr uint64_t first_id = 1'000'000'000'000'000'001;

  core::settings settings;
  std::string cluster_id;
  uint64_t epoch = 1;
  uint64_t next_id = first_id;
  uint64_t next_event = 1;
  uint64_t next_order = 1;
  int64_t now = 0; // of the step under way

  std::map<uint64_t, custom_job> jobs;
  std::map<uint64_t, tuning_job> tuning_jobs;
  std::map<uint64_t, client_study> client_studies;
  std::map<std::string, node> nodes;
  std::set<uint64_t> active; // jobs with a replica that has not ended

  node* find_node(const std::string& name) {
    auto found = nodes.find(name);
    return found == nodes.end() ? nullptr : &found->second;
  }
  study* find_study(uint64_t id) {
    if (auto found = tuning_jobs.find(id); found != tuning_jobs.end()) return &found->second;
    if (auto found = client_studies.find(id); found != client_studies.end()) return &found->second;
    return nullptr;
  }
};

} // namespace troupe::core
