// Functions to tune, with the optimum of each known: the public tasks, and others to check that
// what helps there helps elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace troupe::bench {

struct value {
  double number = 0;
  std::string text;
};
using point = std::map<std::string, value>;
using regret = std::function<double(const point&)>;

struct task {
  std::string parameters; // JSON of the study's parameters
  std::function<regret(uint64_t seed)> make;
};

const std::map<std::string, task>& public_tasks();
const std::map<std::string, task>& holdout_tasks();

/// Each once with conditional parameters, and once ("_flat") as if they were always active.
const std::map<std::string, task>& conditional_tasks();

} // namespace troupe::bench
