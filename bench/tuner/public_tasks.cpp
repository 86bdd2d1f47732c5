// The public tasks: ten functions that others measure, too, one of them real training.
#include "bench/tuner/functions.hpp"
#include "bench/tuner/generator.hpp"
#include "bench/tuner/parameters.hpp"
#include "bench/tuner/ridge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::bench {

namespace {

const numbers discrete_values{1, 2, 5, 6, 8};

/// Six parameters that add up, and a category that says how.
double simplekd(const point& p) {
  static const numbers gains{1.2, 0, .6, .8, 1.0};
  double f = 0;
  double d = 0;
  double i = 0;
  for (const auto* id : {"f0", "f1"}) {
    const auto x = p.at(id).number;
    f += std::min(1.6, x > -0.8 ? -(x - 1) * (x - 1) : -(1.8 * 1.8) + 150 * (x + 0.8) * (x + 0.8));
  }
  for (const auto* id : {"d0", "d1"}) {
    const auto found = std::ranges::find(discrete_values, p.at(id).number);
    d += gains.at(static_cast<size_t>(found - discrete_values.begin()));
  }
  for (const auto* id : {"i0", "i1"})
    i += std::pow(p.at(id).number - 2.2, 2) / 2;
  const auto& c = p.at("c").text;
  const auto v = c == "corner" ? 1 + .8 * f + d + i : c == "center" ? -f - d - i : .8 * f + d - i;
  return 1 + .8 * 2 * 1.6 + 2 * 1.2 + 2 * (1.2 * 1.2 / 2) - v;
}

task simplekd_task() {
  const std::vector<parameter> parameters{real("f0", -1, 1),
                                          real("f1", -1, 1),
                                          discrete("d0", discrete_values),
                                          discrete("d1", discrete_values),
                                          integer("i0", 1, 3),
                                          integer("i1", 1, 3),
                                          category("c", {"corner", "center", "mixed"})};
  return single(to_json(parameters), [](uint64_t) -> regret { return simplekd; });
}

/// How many of ten categories are not the best ones.
task matches_task() {
  std::vector<parameter> parameters;
  for (int i = 0; i < 10; ++i)
    parameters.push_back(category(fmt::format("c{}", i), {"0", "1", "2", "3", "4"}));
  return single(to_json(parameters), [](uint64_t seed) -> regret {
    generator random(2000 + seed);
    std::vector<std::string> best;
    for (int i = 0; i < 10; ++i)
      best.push_back(std::to_string(static_cast<int>(random.unit() * 5)));
    return [best](const point& p) {
      double sum = 0;
      for (size_t i = 0; i < 10; ++i)
        sum += p.at(fmt::format("c{}", i)).text != best[i];
      return sum;
    };
  });
}

task branin_task() {
  return single(to_json({real("x0", -5, 10), real("x1", 0, 15)}), [](uint64_t) -> regret {
    return [](const point& p) { return branin(numbers_of(p, 2)); };
  });
}

} // namespace

const task_map& public_tasks() {
  static const task_map all{{"branin2", branin_task()},
                            {"hartmann6", real_task(6, 0, 1, hartmann6)},
                            {"rosenbrock5", real_task(5, -5, 10, rosenbrock)},
                            {"levy8", real_task(8, -10, 10, levy)},
                            {"rastrigin5s", shifted_task(5, -5, 5, rastrigin)},
                            {"ackley10s", shifted_task(10, -5, 5, ackley)},
                            {"sphere20s", shifted_task(20, -5, 5, sphere)},
                            {"simplekd7", simplekd_task()},
                            {"l1cat10x5", matches_task()},
                            {"krr14", single(to_flat_json(ridge_parameters()), ridge_error)}};
  return all;
}

} // namespace troupe::bench
