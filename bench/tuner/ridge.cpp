#include "bench/tuner/ridge.hpp"

#include "bench/tuner/generator.hpp"

#include <Eigen/Dense>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::bench {

namespace {

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;
constexpr double pi = std::numbers::pi;

struct friedman {
  matrix x{400, 10};
  vector y{400};
  explicit friedman(uint64_t seed) {
    generator random(seed);
    for (int i = 0; i < 400; ++i) {
      for (int j = 0; j < 10; ++j)
        x(i, j) = random.unit();
    }
    for (int i = 0; i < 400; ++i) {
      const auto radius = std::sqrt(-2 * std::log(random.unit() + 1e-300));
      const auto noise = radius * std::cos(2 * pi * random.unit());
      y[i] = 10 * std::sin(pi * x(i, 0) * x(i, 1)) + 20 * std::pow(x(i, 2) - .5, 2) + 10 * x(i, 3)
             + 5 * x(i, 4) + noise;
    }
  }
};

/// Of all points with those trained on.
matrix kernel(const matrix& a, const point& p) {
  const auto& name = p.at("kernel").text;
  const auto gamma = p.at("gamma").number;
  matrix k(400, 200);
  for (int i = 0; i < 400; ++i) {
    for (int j = 0; j < 200; ++j) {
      if (name == "rbf")
        k(i, j) = std::exp(-gamma * (a.row(i) - a.row(j)).squaredNorm());
      else if (name == "laplace")
        k(i, j) = std::exp(-gamma * (a.row(i) - a.row(j)).cwiseAbs().sum());
      else
        k(i, j) = std::pow(gamma * a.row(i).dot(a.row(j)) + 1, p.at("degree").number);
    }
  }
  return k;
}

double error_of(const friedman& data, const point& p) {
  matrix a = data.x;
  for (int j = 0; j < 10; ++j)
    a.col(j) *= p.at(fmt::format("w{}", j)).number;
  const auto k = kernel(a, p);
  matrix train = k.topRows(200);
  train.diagonal().array() += p.at("lambda").number;
  const auto mean = data.y.head(200).mean();
  const vector weights = train.partialPivLu().solve((data.y.head(200).array() - mean).matrix());
  const vector off = (k.bottomRows(200) * weights).array() + mean - data.y.tail(200).array();
  const auto error = off.squaredNorm() / 200;
  return std::isfinite(error) ? std::min(error, 1e3) : 1e3;
}

} // namespace

std::vector<parameter> ridge_parameters() {
  std::vector<parameter> all{
      real_log("gamma", 1e-4, 1e2), real_log("lambda", 1e-8, 1e2),
      category("kernel", {"rbf", "laplace", "poly"}, {under("poly", integer("degree", 1, 6))})};
  for (int i = 0; i < 10; ++i)
    all.push_back(real(fmt::format("w{}", i), 0, 2));
  return all;
}

regret ridge_error(uint64_t seed) {
  return [data = friedman(3000 + seed)](const point& p) { return error_of(data, p); };
}

} // namespace troupe::bench
