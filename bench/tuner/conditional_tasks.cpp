// Tasks with conditional parameters: arms, a tree, a network, and krr14 with its degree only for one kernel.
#include "bench/tuner/functions.hpp"
#include "bench/tuner/generator.hpp"
#include "bench/tuner/parameters.hpp"
#include "bench/tuner/ridge.hpp"

#include <fmt/format.h>

#include <cmath>

namespace troupe::bench {

namespace {

std::vector<parameter> arms_parameters() {
  std::vector<branch> branches;
  for (const std::string arm : {"a", "b", "c", "d"}) {
    for (int i = 0; i < 3; ++i)
      branches.push_back(under(arm, real(fmt::format("{}{}", arm, i), 0, 1)));
  }
  return {category("arm", {"a", "b", "c", "d"}, branches)};
}

/// Hartmann's function in each of four arms, turned round in two of them, and better the deeper
/// the arm.
regret arms(uint64_t seed) {
  const auto good = static_cast<size_t>(generator(9000 + seed).unit() * 4);
  return [good](const point& p) {
    const auto& arm = p.at("arm").text;
    const auto depth = (static_cast<size_t>(arm[0] - 'a') + 4 - good) % 4;
    auto x = numbers_of(p, 3, arm);
    for (auto& v : x)
      v = depth % 2 == 0 ? v : 1 - v;
    return hartmann3(x) + 0.4 * static_cast<double>(depth);
  };
}

std::vector<parameter> tree_parameters() {
  return {category("arm", {"a", "b"},
                   {under("a", real("a0", -5, 10)), under("a", real("a1", 0, 15)),
                    under("a", real("a2", -1, 1)), under("b", real("b0", 0, 1)),
                    under("b", real("b1", 0, 1)), under("b", real("b2", 0, 1))})};
}

/// Two arms with nothing in common: Branin's function and a third number, or Hartmann's.
regret tree(uint64_t seed) {
  generator random(9500 + seed);
  numbers moved;
  for (const auto reach : {2.0, 2.0, 0.8, 0.1, 0.1, 0.1})
    moved.push_back(random.between(-reach, reach));
  const std::string worse = random.unit() < 0.5 ? "a" : "b";
  return [moved, worse](const point& p) {
    const auto& arm = p.at("arm").text;
    auto x = numbers_of(p, 3, arm);
    for (size_t i = 0; i < 3; ++i)
      x[i] -= moved[arm == "a" ? i : 3 + i];
    const auto value = arm == "a" ? branin(x) / 10 + x[2] * x[2] : hartmann3(x);
    return value + (arm == worse ? 0.3 : 0);
  };
}

std::vector<parameter> network_parameters() {
  return {real_log("lr", 1e-5, 1),
          category("optimizer", {"sgd", "adam"},
                   {under("sgd", category("nesterov", {"no", "yes"},
                                          {under("yes", real("momentum", 0, 0.99))})),
                    under("adam", real("beta", 0.8, 0.999))}),
          integer("layers", 1, 3,
                  {under(std::vector{2, 3}, real_log("width1", 8, 512)),
                   under(std::vector{3}, real_log("width2", 8, 512))}),
          real_log("width0", 8, 512),
          category(
              "schedule", {"none", "cosine", "step"},
              {under("step", real_log("gamma", 0.01, 1)), under("step", integer("every", 1, 50))})};
}

/// A made-up training run: a width for each layer, and what only some optimizers and schedules
/// have.
struct network {
  double lr, momentum, beta, gamma, every;
  numbers width;
  int layers;
  std::string worse;

  explicit network(uint64_t seed) {
    generator random(seed);
    lr = random.between(-3, -2);
    momentum = random.between(0.5, 0.9);
    beta = random.between(0.85, 0.99);
    gamma = random.between(-1.5, -0.3);
    every = random.between(5, 45);
    for (int i = 0; i < 3; ++i)
      width.push_back(random.between(4, 8));
    layers = 1 + static_cast<int>(random.unit() * 3);
    worse = random.unit() < 0.5 ? "sgd" : "adam";
  }

  double of_optimizer(const point& p) const {
    if (p.at("optimizer").text == "adam") return 10 * std::pow(p.at("beta").number - beta, 2);
    if (p.at("nesterov").text == "no") return 0.15;
    return 1.5 * std::pow(p.at("momentum").number - momentum, 2);
  }

  double of_schedule(const point& p) const {
    const auto& name = p.at("schedule").text;
    if (name != "step") return name == "cosine" ? 0.05 : 0.2;
    return 0.3 * std::pow(std::log10(p.at("gamma").number) - gamma, 2)
           + 0.3 * std::pow((p.at("every").number - every) / 25, 2);
  }

  double loss(const point& p) const {
    const auto& optimizer = p.at("optimizer").text;
    const auto depth = static_cast<int>(p.at("layers").number);
    const auto off = std::log10(p.at("lr").number) - lr - (optimizer == "sgd" ? 0.8 : 0);
    double sum = 0.3 * off * off + 0.15 * std::abs(depth - layers);
    for (size_t i = 0; i < static_cast<size_t>(depth); ++i)
      sum += 0.04 * std::pow(std::log2(p.at(fmt::format("width{}", i)).number) - width[i], 2);
    return sum + of_optimizer(p) + of_schedule(p) + (optimizer == worse ? 0.1 : 0);
  }
};

regret network_loss(uint64_t seed) {
  return [made = network(9700 + seed)](const point& p) { return made.loss(p); };
}

} // namespace

const task_map& conditional_tasks() {
  static const task_map all{
      {"arms", single(to_json(arms_parameters()), arms)},
      {"arms_flat", single(to_flat_json(arms_parameters()), arms)},
      {"tree", single(to_json(tree_parameters()), tree)},
      {"tree_flat", single(to_flat_json(tree_parameters()), tree)},
      {"network", single(to_json(network_parameters()), network_loss)},
      {"network_flat", single(to_flat_json(network_parameters()), network_loss)},
      {"krr", single(to_json(ridge_parameters()), ridge_error)},
      {"krr_flat", single(to_flat_json(ridge_parameters()), ridge_error)}};
  return all;
}

} // namespace troupe::bench
