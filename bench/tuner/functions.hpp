// Functions of real numbers whose least value is 0, and how tasks are made of them.
#pragma once

#include "bench/tuner/tasks.hpp"

#include <numbers>

namespace troupe::bench {

using numbers = std::vector<double>;
using plain = double (*)(const numbers&);
constexpr double pi = std::numbers::pi;

double branin(const numbers& x);
double hartmann3(const numbers& x);
double hartmann6(const numbers& x);
double ackley(const numbers& z);
double rastrigin(const numbers& z);
double sphere(const numbers& z);
double rosenbrock(const numbers& x);
double levy(const numbers& x);
double ellipsoid(const numbers& z);
double griewank(const numbers& z);
double different_powers(const numbers& z);

/// The numbers x0, x1, ... of a point, or those with another first letter.
numbers numbers_of(const point& p, size_t count, const std::string& prefix = "x");

/// Uniform draws.
numbers drawn(size_t count, uint64_t seed, double low, double high);

/// A function of d numbers.
task real_task(int d, double low, double high, plain f);

/// The same with its optimum moved by up to 4 each way.
task shifted_task(int d, double low, double high, plain f);

} // namespace troupe::bench
