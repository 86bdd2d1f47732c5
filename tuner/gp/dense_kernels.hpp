// The variants of tuner/gp/dense.hpp by the vectors they use. Sizes and pointers to columns
// one after the other: nothing of Eigen's may cross, as each variant has its own.
#pragma once

namespace troupe::tuner::gp {

struct dense_kernels {
  bool (*factorise)(long n, double* covariance);
  void (*inverse)(long n, const double* factor, double* inverse);
  void (*solve_lower)(long n, const double* factor, long columns, double* right);
};

extern const dense_kernels dense_plain;
extern const dense_kernels dense_avx2;
extern const dense_kernels dense_avx512;

} // namespace troupe::tuner::gp
