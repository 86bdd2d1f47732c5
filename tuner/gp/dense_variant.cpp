// Compiled once per variant, with DENSE_VARIANT its name and, where the compiler may use wider
// vectors, Eigen under another name: the linker keeps one copy of a template, and it must not keep
// the one that older machines cannot run.
#include "tuner/gp/dense_kernels.hpp"

#include <Eigen/Dense>

namespace troupe::tuner::gp {

namespace {

using matrix = Eigen::MatrixXd;
using view = Eigen::Map<matrix>;
using const_view = Eigen::Map<const matrix>;

// Below this, one call of Eigen is faster than two halves.
constexpr long block = 48;

bool factorise(long n, double* covariance) {
  view at(covariance, n, n);
  return Eigen::LLT<Eigen::Ref<matrix>>(at).info() == Eigen::Success;
}

/// The inverse of a lower triangle, by halves: that of a block needs only products with those of
/// its halves, and the zeros above the diagonal cost nothing.
void invert_lower(Eigen::Ref<matrix> lower) {
  const auto n = lower.rows();
  if (n <= block) {
    matrix inverse = matrix::Identity(n, n);
    lower.triangularView<Eigen::Lower>().solveInPlace(inverse);
    lower.triangularView<Eigen::Lower>() = inverse;
    return;
  }
  const auto half = n / 2;
  invert_lower(lower.topLeftCorner(half, half));
  invert_lower(lower.bottomRightCorner(n - half, n - half));
  auto below = lower.bottomLeftCorner(n - half, half);
  const matrix right = below * lower.topLeftCorner(half, half).triangularView<Eigen::Lower>();
  below.noalias() =
      lower.bottomRightCorner(n - half, n - half).triangularView<Eigen::Lower>() * right * -1.0;
}

/// The lower half of transpose(lower) * lower into `product`.
void squared(Eigen::Ref<const matrix> lower, Eigen::Ref<matrix> product) {
  const auto n = lower.rows();
  if (n <= block) {
    const matrix full = lower.triangularView<Eigen::Lower>();
    product.triangularView<Eigen::Lower>() = full.transpose() * full;
    return;
  }
  const auto half = n / 2;
  const auto rest = n - half;
  const auto below = lower.bottomLeftCorner(rest, half);
  squared(lower.topLeftCorner(half, half), product.topLeftCorner(half, half));
  product.topLeftCorner(half, half).selfadjointView<Eigen::Lower>().rankUpdate(below.transpose());
  squared(lower.bottomRightCorner(rest, rest), product.bottomRightCorner(rest, rest));
  product.bottomLeftCorner(rest, half).noalias() =
      lower.bottomRightCorner(rest, rest).transpose().triangularView<Eigen::Upper>() * below;
}

void inverse(long n, const double* factor, double* inverse) {
  matrix lower = const_view(factor, n, n);
  invert_lower(lower);
  squared(lower, view(inverse, n, n));
}

void solve_lower(long n, const double* factor, long columns, double* right) {
  view at(right, n, columns);
  const_view(factor, n, n).triangularView<Eigen::Lower>().solveInPlace(at);
}

} // namespace

const dense_kernels DENSE_VARIANT{factorise, inverse, solve_lower};

} // namespace troupe::tuner::gp
