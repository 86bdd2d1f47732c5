// Functions to tune, with the optimum of each known: the public tasks, others to check that what
// helps there helps elsewhere, conditional ones, and ones with two objectives. tasks.py defines
// them once more, for peers that run in Python.
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

/// What a point is worth, to be made small: one number, a regret, or one for each objective.
using objectives = std::function<std::vector<double>(const point&)>;
using regret = std::function<double(const point&)>;

struct task {
  std::string parameters; // JSON of the study's parameters
  std::function<objectives(uint64_t seed)> make;
  uint32_t metrics = 1;
};

/// A task with one objective.
task single(std::string parameters, std::function<regret(uint64_t seed)> make);

using task_map = std::map<std::string, task>;

const task_map& public_tasks();
const task_map& holdout_tasks();

/// Each once with conditional parameters, and once ("_flat") as if they were always active.
const task_map& conditional_tasks();

/// Two objectives, whose true front is known.
const task_map& front_tasks();

/// A group (public, holdout, conditional, fronts), or tasks by their names, with commas.
task_map tasks_named(const std::string& names);

} // namespace troupe::bench
