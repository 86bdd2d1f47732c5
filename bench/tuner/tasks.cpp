#include "bench/tuner/tasks.hpp"

#include <utility>

namespace troupe::bench {

task single(std::string parameters, std::function<regret(uint64_t seed)> make) {
  return {std::move(parameters), [make = std::move(make)](uint64_t seed) -> objectives {
            return [f = make(seed)](const point& p) -> std::vector<double> { return {f(p)}; };
          }};
}

task_map tasks_named(const std::string& names) {
  const std::map<std::string, const task_map*> groups{{"public", &public_tasks()},
                                                      {"holdout", &holdout_tasks()},
                                                      {"conditional", &conditional_tasks()},
                                                      {"fronts", &front_tasks()}};
  task_map found;
  for (const auto& [group, all] : groups) {
    for (const auto& [name, made] : *all) {
      if (names == group || ("," + names + ",").contains("," + name + ","))
        found.emplace(name, made);
    }
  }
  return found;
}

} // namespace troupe::bench
