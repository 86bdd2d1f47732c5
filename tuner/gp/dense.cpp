#include "tuner/gp/dense.hpp"

#include "tuner/gp/dense_kernels.hpp"

namespace troupe::tuner::gp {

namespace {

const dense_kernels& widest() {
#if defined(__x86_64__)
  static const dense_kernels* const chosen =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? &dense_avx512
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")       ? &dense_avx2
                                                                              : &dense_plain;
  return *chosen;
#else
  return dense_plain;
#endif
}

} // namespace

bool factorise(Eigen::MatrixXd& covariance) {
  return widest().factorise(covariance.rows(), covariance.data());
}

void inverse_of(const Eigen::MatrixXd& factor, Eigen::MatrixXd& inverse) {
  inverse.resize(factor.rows(), factor.cols());
  widest().inverse(factor.rows(), factor.data(), inverse.data());
}

void solve_lower(const Eigen::MatrixXd& factor, Eigen::MatrixXd& right) {
  widest().solve_lower(factor.rows(), factor.data(), right.cols(), right.data());
}

} // namespace troupe::tuner::gp
