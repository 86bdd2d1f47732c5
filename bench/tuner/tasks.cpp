#include "bench/tuner/tasks.hpp"

#include "bench/tuner/generator.hpp"

#include <Eigen/Dense>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace troupe::bench {

namespace {

using numbers = std::vector<double>;
constexpr double pi = std::numbers::pi;

std::string real(const std::string& id, double low, double high, bool log = false) {
  return fmt::format(
      R"({{"parameterId": "{}", {}"doubleValueSpec": {{"minValue": {}, "maxValue": {}}}}})", id,
      log ? R"("scaleType": "UNIT_LOG_SCALE", )" : "", low, high);
}

std::string integer(const std::string& id, int low, int high) {
  return fmt::format(
      R"({{"parameterId": "{}", "integerValueSpec": {{"minValue": {}, "maxValue": {}}}}})", id, low,
      high);
}

std::string category(const std::string& id, const std::vector<std::string>& values) {
  std::string list;
  for (const auto& v : values)
    list += (list.empty() ? "\"" : ", \"") + v + "\"";
  return fmt::format(R"({{"parameterId": "{}", "categoricalValueSpec": {{"values": [{}]}}}})", id,
                     list);
}

std::string reals(int count, double low, double high) {
  std::string all;
  for (int i = 0; i < count; ++i)
    all += (i ? ", " : "") + real(fmt::format("x{}", i), low, high);
  return all;
}

numbers x_of(const point& p, size_t count) {
  numbers x(count);
  for (size_t i = 0; i < count; ++i)
    x[i] = p.at(fmt::format("x{}", i)).number;
  return x;
}

numbers shift(size_t count, uint64_t seed) {
  generator random(seed);
  numbers all(count);
  for (auto& v : all)
    v = -4 + 8 * random.unit();
  return all;
}

using plain = double (*)(const numbers&);

task shifted(int d, double low, double high, plain f, bool moved = true) {
  return {reals(d, low, high), [=](uint64_t seed) -> regret {
            const auto origin = moved ? shift(static_cast<size_t>(d), 1000 + seed)
                                      : numbers(static_cast<size_t>(d));
            return [=](const point& p) {
              auto x = x_of(p, static_cast<size_t>(d));
              for (size_t i = 0; i < x.size(); ++i)
                x[i] -= origin[i];
              return f(x);
            };
          }};
}

double branin(const numbers& x) {
  const auto a = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
  return a * a + 10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10 - 0.39788735772973816;
}

double hartmann6(const numbers& x) {
  static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                 {.05, 10, 17, .1, 8, 14},
                                 {3, 3.5, 1.7, 10, 17, 8},
                                 {17, 8, .05, 10, .1, 14}};
  static const double p[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                 {2329, 4135, 8307, 3736, 1004, 9991},
                                 {2348, 1451, 3522, 2883, 3047, 6650},
                                 {4047, 8828, 8732, 5743, 1091, 381}};
  static const double alpha[4] = {1, 1.2, 3, 3.2};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double e = 0;
    for (size_t j = 0; j < 6; ++j)
      e += a[i][j] * std::pow(x[j] - 1e-4 * p[i][j], 2);
    sum += alpha[i] * std::exp(-e);
  }
  return 3.32236801141551 - sum;
}

double ackley(const numbers& z) {
  double squares = 0;
  double cosines = 0;
  for (auto v : z)
    squares += v * v, cosines += std::cos(2 * pi * v);
  const auto d = static_cast<double>(z.size());
  return -20 * std::exp(-0.2 * std::sqrt(squares / d)) - std::exp(cosines / d) + 20
         + std::numbers::e;
}

double rastrigin(const numbers& z) {
  double sum = 0;
  for (auto v : z)
    sum += 10 + v * v - 10 * std::cos(2 * pi * v);
  return sum;
}

double sphere(const numbers& z) {
  double sum = 0;
  for (auto v : z)
    sum += v * v;
  return sum;
}

double rosenbrock(const numbers& x) {
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i)
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  return sum;
}

double levy(const numbers& x) {
  numbers w;
  for (auto v : x)
    w.push_back(1 + (v - 1) / 4);
  double sum = std::pow(std::sin(pi * w[0]), 2);
  for (size_t i = 0; i + 1 < w.size(); ++i)
    sum += std::pow(w[i] - 1, 2) * (1 + 10 * std::pow(std::sin(pi * w[i] + 1), 2));
  return sum + std::pow(w.back() - 1, 2) * (1 + std::pow(std::sin(2 * pi * w.back()), 2));
}

double simplekd(const point& p) {
  static const numbers values{1, 2, 5, 6, 8};
  static const numbers gains{1.2, 0, .6, .8, 1.0};
  double f = 0;
  double d = 0;
  double i = 0;
  for (const auto* id : {"f0", "f1"}) {
    const auto x = p.at(id).number;
    f += std::min(1.6, x > -0.8 ? -(x - 1) * (x - 1) : -(1.8 * 1.8) + 150 * (x + 0.8) * (x + 0.8));
  }
  for (const auto* id : {"d0", "d1"})
    d += gains[static_cast<size_t>(std::ranges::find(values, p.at(id).number) - values.begin())];
  for (const auto* id : {"i0", "i1"})
    i += std::pow(p.at(id).number - 2.2, 2) / 2;
  const auto& c = p.at("c").text;
  const auto v = c == "corner" ? 1 + .8 * f + d + i : c == "center" ? -f - d - i : .8 * f + d - i;
  return 1 + .8 * 2 * 1.6 + 2 * 1.2 + 2 * (1.2 * 1.2 / 2) - v;
}

task l1() {
  std::string parameters;
  for (int i = 0; i < 10; ++i)
    parameters += (i ? ", " : "") + category(fmt::format("c{}", i), {"0", "1", "2", "3", "4"});
  return {parameters, [](uint64_t seed) -> regret {
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
          }};
}

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;

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

double ridge_error(const friedman& data, const point& p) {
  const auto gamma = p.at("gamma").number;
  matrix a = data.x;
  for (int j = 0; j < 10; ++j)
    a.col(j) *= p.at(fmt::format("w{}", j)).number;
  const auto& kernel = p.at("kernel").text;
  matrix k(400, 200);
  for (int i = 0; i < 400; ++i) {
    for (int j = 0; j < 200; ++j) {
      if (kernel == "rbf")
        k(i, j) = std::exp(-gamma * (a.row(i) - a.row(j)).squaredNorm());
      else if (kernel == "laplace")
        k(i, j) = std::exp(-gamma * (a.row(i) - a.row(j)).cwiseAbs().sum());
      else
        k(i, j) = std::pow(gamma * a.row(i).dot(a.row(j)) + 1,
                           p.contains("degree") ? p.at("degree").number : 1.0);
    }
  }
  matrix train = k.topRows(200);
  train.diagonal().array() += p.at("lambda").number;
  const auto mean = data.y.head(200).mean();
  const vector weights = train.partialPivLu().solve((data.y.head(200).array() - mean).matrix());
  const vector off = (k.bottomRows(200) * weights).array() + mean - data.y.tail(200).array();
  const auto error = off.squaredNorm() / 200;
  return std::isfinite(error) ? std::min(error, 1e3) : 1e3;
}

task krr() {
  auto parameters = real("gamma", 1e-4, 1e2, true) + ", " + real("lambda", 1e-8, 1e2, true) + ", "
                    + category("kernel", {"rbf", "laplace", "poly"}) + ", "
                    + integer("degree", 1, 6);
  for (int i = 0; i < 10; ++i)
    parameters += ", " + real(fmt::format("w{}", i), 0, 2);
  return {parameters, [](uint64_t seed) -> regret {
            return [data = friedman(3000 + seed)](const point& p) { return ridge_error(data, p); };
          }};
}

task simple() {
  return {real("f0", -1, 1) + "," + real("f1", -1, 1)
              + R"(, {"parameterId": "d0", "discreteValueSpec": {"values": [1, 2, 5, 6, 8]}},
                   {"parameterId": "d1", "discreteValueSpec": {"values": [1, 2, 5, 6, 8]}}, )"
              + integer("i0", 1, 3) + "," + integer("i1", 1, 3) + ","
              + category("c", {"corner", "center", "mixed"}),
          [](uint64_t) -> regret { return simplekd; }};
}

// ---- held out: rotated, with interactions, plateaus, mixtures of types.

matrix rotation(int d, uint64_t seed) {
  generator random(seed);
  matrix gaussian(d, d);
  for (int i = 0; i < d; ++i) {
    for (int j = 0; j < d; ++j)
      gaussian(i, j) =
          std::sqrt(-2 * std::log(1 - random.unit())) * std::cos(2 * pi * random.unit());
  }
  return Eigen::HouseholderQR<matrix>(gaussian).householderQ();
}

task rotated(int d, plain f) {
  return {reals(d, -5, 5), [=](uint64_t seed) -> regret {
            const auto origin = shift(static_cast<size_t>(d), 5000 + seed);
            const matrix turn = rotation(d, 6000 + seed);
            return [=](const point& p) {
              auto x = x_of(p, static_cast<size_t>(d));
              vector z(d);
              for (int i = 0; i < d; ++i)
                z[i] = x[static_cast<size_t>(i)] - origin[static_cast<size_t>(i)];
              z = turn * z;
              return f(numbers(z.begin(), z.end()));
            };
          }};
}

double ellipsoid(const numbers& z) {
  double sum = 0;
  for (size_t i = 0; i < z.size(); ++i)
    sum +=
        std::pow(1000.0, static_cast<double>(i) / static_cast<double>(z.size() - 1)) * z[i] * z[i];
  return sum;
}

double griewank(const numbers& z) {
  double sum = 0;
  double product = 1;
  for (size_t i = 0; i < z.size(); ++i) {
    sum += z[i] * z[i] / 40;
    product *= std::cos(z[i] * 1.5 / std::sqrt(static_cast<double>(i + 1)));
  }
  return sum - product + 1;
}

double different_powers(const numbers& z) {
  double sum = 0;
  for (size_t i = 0; i < z.size(); ++i)
    sum += std::pow(std::abs(z[i]),
                    2 + 4 * static_cast<double>(i) / static_cast<double>(z.size() - 1));
  return std::sqrt(sum);
}

// Peaks of random place, height and width (Gallagher); the optimum is the first.
task gallagher(int d, int peaks) {
  return {reals(d, -5, 5), [=](uint64_t seed) -> regret {
            generator random(7000 + seed);
            matrix at(peaks, d);
            vector height(peaks);
            matrix width(peaks, d);
            for (int i = 0; i < peaks; ++i) {
              height[i] = i == 0 ? 10 : 1.1 + 8 * random.unit();
              for (int j = 0; j < d; ++j) {
                at(i, j) = -4 + 8 * random.unit();
                width(i, j) = std::pow(10.0, -1 + 1.5 * random.unit());
              }
            }
            return [=](const point& p) {
              const auto x = x_of(p, static_cast<size_t>(d));
              double best = 0;
              for (int i = 0; i < peaks; ++i) {
                double e = 0;
                for (int j = 0; j < d; ++j)
                  e += width(i, j) * std::pow(x[static_cast<size_t>(j)] - at(i, j), 2);
                best = std::max(best, height[i] * std::exp(-e / (2 * d)));
              }
              return 10 - best;
            };
          }};
}

// Final loss of a made-up training run: learning rate against batch size, width, depth, optimizer.
task training() {
  const auto parameters =
      real("lr", 1e-5, 1, true) + "," + real("decay", 1e-6, 1e-1, true) + ","
      + R"({"parameterId": "batch", "discreteValueSpec": {"values": [16, 32, 64, 128, 256, 512]}},)"
      + integer("layers", 1, 8) + "," + integer("width", 16, 512) + ","
      + category("optimizer", {"sgd", "adam", "lion", "rmsprop"}) + "," + real("dropout", 0, 0.8)
      + "," + real("momentum", 0, 0.99);
  return {parameters, [](uint64_t seed) -> regret {
            generator random(8000 + seed);
            const auto base = -2 - random.unit();
            const auto deep = 2 + 4 * random.unit();
            const auto wide = 5 + 3 * random.unit();
            const auto wd = -4 + 2 * random.unit();
            const auto drop = 0.1 + 0.3 * random.unit();
            const double offsets[4] = {0.8, -0.4, -1.2, -0.2};
            const double costs[4] = {0.05, 0, 0.02, 0.04};
            return [=](const point& p) {
              const auto& name = p.at("optimizer").text;
              const auto o = name == "sgd" ? 0 : name == "adam" ? 1 : name == "lion" ? 2 : 3;
              const auto lr = std::log10(p.at("lr").number);
              const auto best_lr =
                  base + offsets[o] + 0.5 * std::log10(p.at("batch").number / 64)
                  + (o == 0 ? std::log10(1.0001 - p.at("momentum").number) : 0) * 0.7;
              const auto off = lr - best_lr;
              auto loss = 0.3 * off * off + (off > 0.8 ? 2 * (1 - std::exp(-4 * (off - 0.8))) : 0);
              loss += costs[o];
              loss += 0.03 * std::pow(p.at("layers").number - deep, 2);
              loss += 0.08 * std::pow(std::log2(p.at("width").number) - wide, 2);
              loss += 0.05 * std::pow(std::log10(p.at("decay").number) - wd, 2);
              loss += 1.2 * std::pow(p.at("dropout").number - drop, 2)
                      * (1 + p.at("width").number / 512);
              loss += 0.1 * std::abs(std::log2(p.at("batch").number / 128)) / 5;
              return loss;
            };
          }};
}

// ---- conditional

std::string conditional_category(const std::string& id,
                                 const std::vector<std::pair<std::string, std::string>>& branches) {
  std::string values;
  std::string children;
  for (const auto& [value, parameters] : branches) {
    values += fmt::format("{}\"{}\"", values.empty() ? "" : ", ", value);
    children += parameters;
  }
  return fmt::format(
      R"({{"parameterId": "{}", "categoricalValueSpec": {{"values": [{}]}}, "conditionalParameterSpecs": [{}]}})",
      id, values, children);
}

std::string under(const std::string& value, const std::string& parameter) {
  return fmt::format(R"({{"parentCategoricalValues": {{"values": ["{}"]}}, "parameterSpec": {}}})",
                     value, parameter);
}

double hartmann3(const numbers& x) {
  static const double a[4][3] = {{3, 10, 30}, {.1, 10, 35}, {3, 10, 30}, {.1, 10, 35}};
  static const double p[4][3] = {
      {.3689, .1170, .2673}, {.4699, .4387, .7470}, {.1091, .8732, .5547}, {.0381, .5743, .8828}};
  static const double alpha[4] = {1, 1.2, 3, 3.2};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double e = 0;
    for (size_t j = 0; j < 3; ++j)
      e += a[i][j] * std::pow(x[j] - p[i][j], 2);
    sum += alpha[i] * std::exp(-e);
  }
  return 3.86277979 - sum;
}

/// Four arms with three numbers each: Hartmann's function in one, better the deeper the arm.
task arms(bool conditional) {
  std::string children;
  std::string flat;
  std::vector<std::pair<std::string, std::string>> branches;
  for (const std::string arm : {"a", "b", "c", "d"}) {
    std::string below;
    for (int i = 0; i < 3; ++i) {
      const auto parameter = real(fmt::format("{}{}", arm, i), 0, 1);
      below += (below.empty() && branches.empty() ? "" : ", ") + under(arm, parameter);
      flat += ", " + parameter;
    }
    branches.emplace_back(arm, below);
  }
  const auto parameters = conditional ? conditional_category("arm", branches)
                                      : category("arm", {"a", "b", "c", "d"}) + flat;
  return {parameters, [](uint64_t seed) -> regret {
            const auto good = static_cast<size_t>(generator(9000 + seed).unit() * 4);
            return [good](const point& p) {
              const auto& arm = p.at("arm").text;
              const auto index = static_cast<size_t>(arm[0] - 'a');
              numbers x;
              for (int i = 0; i < 3; ++i)
                x.push_back(p.at(fmt::format("{}{}", arm, i)).number);
              const auto depth = (index + 4 - good) % 4;
              for (auto& v : x)
                v = depth % 2 == 0 ? v : 1 - v;
              return hartmann3(x) + 0.4 * static_cast<double>(depth);
            };
          }};
}

/// Kernel ridge regression in which only the polynomial kernel has a degree.
task krr_conditional() {
  auto made = krr();
  auto parameters =
      real("gamma", 1e-4, 1e2, true) + ", " + real("lambda", 1e-8, 1e2, true) + ", "
      + conditional_category(
          "kernel",
          {{"rbf", ""}, {"laplace", ""}, {"poly", under("poly", integer("degree", 1, 6))}});
  for (int i = 0; i < 10; ++i)
    parameters += ", " + real(fmt::format("w{}", i), 0, 2);
  made.parameters = parameters;
  return made;
}

} // namespace

const std::map<std::string, task>& conditional_tasks() {
  static const std::map<std::string, task> all{{"arms", arms(true)},
                                               {"arms_flat", arms(false)},
                                               {"krr", krr_conditional()},
                                               {"krr_flat", krr()}};
  return all;
}

const std::map<std::string, task>& public_tasks() {
  static const std::map<std::string, task> all{
      {"branin2",
       {real("x0", -5, 10) + "," + real("x1", 0, 15),
        [](uint64_t) -> regret { return [](const point& p) { return branin(x_of(p, 2)); }; }}},
      {"hartmann6", shifted(6, 0, 1, hartmann6, false)},
      {"rosenbrock5", shifted(5, -5, 10, rosenbrock, false)},
      {"levy8", shifted(8, -10, 10, levy, false)},
      {"rastrigin5s", shifted(5, -5, 5, rastrigin)},
      {"ackley10s", shifted(10, -5, 5, ackley)},
      {"sphere20s", shifted(20, -5, 5, sphere)},
      {"simplekd7", simple()},
      {"l1cat10x5", l1()},
      {"krr14", krr()}};
  return all;
}

const std::map<std::string, task>& holdout_tasks() {
  static const std::map<std::string, task> all{
      {"rot_ellipsoid6", rotated(6, ellipsoid)}, {"rot_rastrigin4", rotated(4, rastrigin)},
      {"rot_ackley6", rotated(6, ackley)},       {"rot_rosenbrock4", rotated(4, rosenbrock)},
      {"griewank8", rotated(8, griewank)},       {"powers12", rotated(12, different_powers)},
      {"gallagher4", gallagher(4, 21)},          {"training8", training()}};
  return all;
}

} // namespace troupe::bench
