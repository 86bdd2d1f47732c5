// Held-out tasks, for which nothing was tuned: rotated functions, narrow peaks, a mixture of types.
#include "bench/tuner/functions.hpp"
#include "bench/tuner/generator.hpp"
#include "bench/tuner/parameters.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace troupe::bench {

namespace {

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;

matrix rotation(int d, uint64_t seed) {
  generator random(seed);
  matrix gaussian(d, d);
  for (int i = 0; i < d; ++i) {
    for (int j = 0; j < d; ++j)
      gaussian(i, j) = random.normal();
  }
  return Eigen::HouseholderQR<matrix>(gaussian).householderQ();
}

task rotated(int d, plain f) {
  return single(to_json(reals(d, -5, 5)), [=](uint64_t seed) -> regret {
    const auto origin = drawn(static_cast<size_t>(d), 5000 + seed, -4, 4);
    const matrix turn = rotation(d, 6000 + seed);
    return [=](const point& p) {
      const auto x = numbers_of(p, origin.size());
      vector z = Eigen::Map<const vector>(x.data(), d) - Eigen::Map<const vector>(origin.data(), d);
      z = turn * z;
      return f(numbers(z.begin(), z.end()));
    };
  });
}

/// Peaks of random place, height and width (Gallagher); the optimum is the first.
struct peaks {
  matrix at, width;
  vector height;

  peaks(int d, int count, uint64_t seed) : at(count, d), width(count, d), height(count) {
    generator random(seed);
    for (int i = 0; i < count; ++i) {
      height[i] = i == 0 ? 10 : 1.1 + 8 * random.unit();
      for (int j = 0; j < d; ++j) {
        at(i, j) = random.between(-4, 4);
        width(i, j) = std::pow(10.0, -1 + 1.5 * random.unit());
      }
    }
  }

  double below_highest(const numbers& x) const {
    const auto d = static_cast<Eigen::Index>(x.size());
    const Eigen::Map<const vector> here(x.data(), d);
    double best = 0;
    for (Eigen::Index i = 0; i < height.size(); ++i) {
      const vector off = here - at.row(i).transpose();
      const auto e = width.row(i).dot(off.cwiseAbs2());
      best = std::max(best, height[i] * std::exp(-e / (2 * static_cast<double>(d))));
    }
    return 10 - best;
  }
};

task gallagher(int d, int count) {
  return single(to_json(reals(d, -5, 5)), [=](uint64_t seed) -> regret {
    return [all = peaks(d, count, 7000 + seed), d](const point& p) {
      return all.below_highest(numbers_of(p, static_cast<size_t>(d)));
    };
  });
}

/// The final loss of a made-up training run.
struct training_run {
  double base, deep, wide, decay, drop;

  explicit training_run(uint64_t seed) {
    generator random(seed);
    base = -2 - random.unit();
    deep = 2 + 4 * random.unit();
    wide = 5 + 3 * random.unit();
    decay = -4 + 2 * random.unit();
    drop = 0.1 + 0.3 * random.unit();
  }

  double best_rate(const point& p) const {
    static const std::map<std::string, double> offsets{
        {"sgd", 0.8}, {"adam", -0.4}, {"lion", -1.2}, {"rmsprop", -0.2}};
    const auto& name = p.at("optimizer").text;
    const auto lagging = name == "sgd" ? 0.7 * std::log10(1.0001 - p.at("momentum").number) : 0;
    return base + offsets.at(name) + 0.5 * std::log10(p.at("batch").number / 64) + lagging;
  }

  double loss(const point& p) const {
    static const std::map<std::string, double> costs{
        {"sgd", 0.05}, {"adam", 0}, {"lion", 0.02}, {"rmsprop", 0.04}};
    const auto number = [&](const char* id) { return p.at(id).number; };
    const auto off = std::log10(number("lr")) - best_rate(p);
    // Beyond a point a run diverges.
    auto sum = 0.3 * off * off + (off > 0.8 ? 2 * (1 - std::exp(-4 * (off - 0.8))) : 0);
    sum += costs.at(p.at("optimizer").text);
    sum += 0.03 * std::pow(number("layers") - deep, 2);
    sum += 0.08 * std::pow(std::log2(number("width")) - wide, 2);
    sum += 0.05 * std::pow(std::log10(number("decay")) - decay, 2);
    sum += 1.2 * std::pow(number("dropout") - drop, 2) * (1 + number("width") / 512);
    return sum + 0.1 * std::abs(std::log2(number("batch") / 128)) / 5;
  }
};

task training() {
  const std::vector<parameter> parameters{real_log("lr", 1e-5, 1),
                                          real_log("decay", 1e-6, 1e-1),
                                          discrete("batch", {16, 32, 64, 128, 256, 512}),
                                          integer("layers", 1, 8),
                                          integer("width", 16, 512),
                                          category("optimizer", {"sgd", "adam", "lion", "rmsprop"}),
                                          real("dropout", 0, 0.8),
                                          real("momentum", 0, 0.99)};
  return single(to_json(parameters), [](uint64_t seed) -> regret {
    return [run = training_run(8000 + seed)](const point& p) { return run.loss(p); };
  });
}

} // namespace

const task_map& holdout_tasks() {
  static const task_map all{
      {"rot_ellipsoid6", rotated(6, ellipsoid)}, {"rot_rastrigin4", rotated(4, rastrigin)},
      {"rot_ackley6", rotated(6, ackley)},       {"rot_rosenbrock4", rotated(4, rosenbrock)},
      {"griewank8", rotated(8, griewank)},       {"powers12", rotated(12, different_powers)},
      {"gallagher4", gallagher(4, 21)},          {"training8", training()}};
  return all;
}

} // namespace troupe::bench
