// Products, factors and inverses of covariances: the part of the work that grows with the cube of
// the number of trials. It is compiled for several widths of vectors, and the machine decides at
// run time which is used.
#pragma once

#include <Eigen/Dense>

namespace troupe::tuner::gp {

/// The lower Cholesky factor of a symmetric matrix (whose lower half is read), in its lower half.
/// Whether the matrix is positive.
bool factorise(Eigen::MatrixXd& covariance);

/// The lower half of the inverse of what `factor` is the factor of.
void inverse_of(const Eigen::MatrixXd& factor, Eigen::MatrixXd& inverse);

/// `right` becomes the solution x of factor * x = right.
void solve_lower(const Eigen::MatrixXd& factor, Eigen::MatrixXd& right);

} // namespace troupe::tuner::gp
