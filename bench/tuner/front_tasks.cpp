// Tasks with two objectives: ZDT1 to ZDT3 and DTLZ2, with their true fronts.
#include "bench/tuner/functions.hpp"
#include "bench/tuner/parameters.hpp"

#include <cmath>

namespace troupe::bench {

namespace {

using shape = double (*)(double x, double ratio);

double zdt1(double, double ratio) { return 1 - std::sqrt(ratio); }
double zdt2(double, double ratio) { return 1 - ratio * ratio; }
double zdt3(double x, double ratio) { return 1 - std::sqrt(ratio) - ratio * std::sin(10 * pi * x); }

task zdt(shape of) {
  return {to_json(reals(10, 0, 1)),
          [of](uint64_t) -> objectives {
            return [of](const point& p) -> std::vector<double> {
              const auto x = numbers_of(p, 10);
              double sum = 0;
              for (size_t i = 1; i < 10; ++i)
                sum += x[i];
              const auto g = 1 + sum;
              return {x[0], g * of(x[0], x[0] / g)};
            };
          },
          2};
}

/// With the front away from the centre, where a first trial would find it without search.
task dtlz2() {
  return {to_json(reals(10, 0, 1)),
          [](uint64_t seed) -> objectives {
            const auto centre = drawn(9, 4000 + seed, 0.2, 0.8);
            return [centre](const point& p) -> std::vector<double> {
              const auto x = numbers_of(p, 10);
              double radius = 1;
              for (size_t i = 0; i < 9; ++i)
                radius += std::pow(x[i + 1] - centre[i], 2);
              return {radius * std::cos(x[0] * pi / 2), radius * std::sin(x[0] * pi / 2)};
            };
          },
          2};
}

} // namespace

const task_map& front_tasks() {
  static const task_map all{
      {"zdt1", zdt(zdt1)}, {"zdt2", zdt(zdt2)}, {"zdt3", zdt(zdt3)}, {"dtlz2s", dtlz2()}};
  return all;
}

} // namespace troupe::bench
