#include "bench/tuner/functions.hpp"

#include "bench/tuner/generator.hpp"
#include "bench/tuner/parameters.hpp"

#include <fmt/format.h>

#include <cmath>

namespace troupe::bench {

namespace {

constexpr double hartmann_heights[4] = {1, 1.2, 3, 3.2};

template <size_t D>
double hartmann_sum(const numbers& x, const double (&widths)[4][D], const double (&peaks)[4][D]) {
  double sum = 0;
  for (size_t i = 0; i < 4; ++i) {
    double e = 0;
    for (size_t j = 0; j < D; ++j)
      e += widths[i][j] * std::pow(x[j] - 1e-4 * peaks[i][j], 2);
    sum += hartmann_heights[i] * std::exp(-e);
  }
  return sum;
}

double share(size_t i, const numbers& of) {
  return static_cast<double>(i) / static_cast<double>(of.size() - 1);
}

} // namespace

double branin(const numbers& x) {
  const auto a = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
  return a * a + 10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10 - 0.39788735772973816;
}

double hartmann3(const numbers& x) {
  static constexpr double widths[4][3] = {{3, 10, 30}, {.1, 10, 35}, {3, 10, 30}, {.1, 10, 35}};
  static constexpr double peaks[4][3] = {
      {3689, 1170, 2673}, {4699, 4387, 7470}, {1091, 8732, 5547}, {381, 5743, 8828}};
  return 3.86277978733266 - hartmann_sum(x, widths, peaks);
}

double hartmann6(const numbers& x) {
  static constexpr double widths[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                          {.05, 10, 17, .1, 8, 14},
                                          {3, 3.5, 1.7, 10, 17, 8},
                                          {17, 8, .05, 10, .1, 14}};
  static constexpr double peaks[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                         {2329, 4135, 8307, 3736, 1004, 9991},
                                         {2348, 1451, 3522, 2883, 3047, 6650},
                                         {4047, 8828, 8732, 5743, 1091, 381}};
  return 3.32236801141551 - hartmann_sum(x, widths, peaks);
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

double ellipsoid(const numbers& z) {
  double sum = 0;
  for (size_t i = 0; i < z.size(); ++i)
    sum += std::pow(1000.0, share(i, z)) * z[i] * z[i];
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
    sum += std::pow(std::abs(z[i]), 2 + 4 * share(i, z));
  return std::sqrt(sum);
}

numbers numbers_of(const point& p, size_t count, const std::string& prefix) {
  numbers x(count);
  for (size_t i = 0; i < count; ++i)
    x[i] = p.at(fmt::format("{}{}", prefix, i)).number;
  return x;
}

numbers drawn(size_t count, uint64_t seed, double low, double high) {
  generator random(seed);
  numbers all(count);
  for (auto& v : all)
    v = random.between(low, high);
  return all;
}

task real_task(int d, double low, double high, plain f) {
  return single(to_json(reals(d, low, high)), [=](uint64_t) -> regret {
    return [=](const point& p) { return f(numbers_of(p, static_cast<size_t>(d))); };
  });
}

task shifted_task(int d, double low, double high, plain f) {
  return single(to_json(reals(d, low, high)), [=](uint64_t seed) -> regret {
    const auto origin = drawn(static_cast<size_t>(d), 1000 + seed, -4, 4);
    return [=](const point& p) {
      auto x = numbers_of(p, origin.size());
      for (size_t i = 0; i < x.size(); ++i)
        x[i] -= origin[i];
      return f(x);
    };
  });
}

} // namespace troupe::bench
