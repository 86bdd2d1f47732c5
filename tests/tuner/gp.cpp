#include "tuner/gp/acquisition.hpp"
#include "tuner/gp/fit.hpp"
#include "tuner/gp/hypervolume.hpp"
#include "tuner/gp/normal.hpp"
#include "tuner/gp/warp.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace troupe::tuner;
using namespace troupe::tuner::gp;

namespace {

constexpr double inactive = std::numeric_limits<double>::quiet_NaN();
const std::vector<axis> axes{axis::number, axis::number, axis::category};

/// Points with a category and with a number that is inactive in every fifth.
matrix points_of(Eigen::Index count) {
  random_stream random(7, 1);
  matrix points(count, 3);
  for (Eigen::Index i = 0; i < count; ++i) {
    points(i, 0) = random.unit();
    points(i, 1) = i % 5 == 4 ? inactive : random.unit();
    points(i, 2) = static_cast<double>(random.below(3));
  }
  return points;
}

vector losses_of(const matrix& points) {
  vector losses(points.rows());
  for (Eigen::Index i = 0; i < points.rows(); ++i)
    losses[i] = std::sin(5 * points(i, 0)) + (std::isnan(points(i, 1)) ? 1 : points(i, 1))
                + 0.3 * points(i, 2);
  return losses;
}

hyperparameters some_hyperparameters() {
  hyperparameters made(3);
  made.logs() << std::log(0.7), std::log(1.3), std::log(1e-3), std::log(0.4), std::log(0.9),
      std::log(1.5), std::log(0.2), std::log(0.6), std::log(2.0);
  return made;
}

/// The slope against differences of the values, for the two numbers.
void check_slope(const acquisition& wanted, const vector& point) {
  vector slope;
  const auto value = wanted.at(point, slope);
  CHECK(value == doctest::Approx(wanted.at_all(point.transpose())[0]).epsilon(1e-9));
  for (Eigen::Index k = 0; k < 2; ++k) {
    constexpr double step = 1e-6;
    matrix both(2, point.size());
    both << point.transpose(), point.transpose();
    both(0, k) -= step;
    both(1, k) += step;
    const auto values = wanted.at_all(both);
    CHECK(slope[k] == doctest::Approx((values[1] - values[0]) / (2 * step)).epsilon(1e-4));
  }
  CHECK(slope[2] == 0);
}

} // namespace

TEST_CASE("the gradient by the hyper-parameters is that of differences") {
  const auto points = points_of(12);
  pair_kernel kernel(axes, points);
  const auto at = some_hyperparameters();
  const matrix half = matrix::Random(12, 12);
  const matrix weights = half + half.transpose();
  kernel.covariance(at);
  const auto gradient = kernel.gradient(at, weights);
  for (Eigen::Index i = 0; i < at.logs().size(); ++i) {
    constexpr double step = 1e-5;
    const auto sum_at = [&](double moved) {
      auto other = at;
      other.logs()[i] += moved;
      return kernel.covariance(other).cwiseProduct(weights).sum();
    };
    CAPTURE(i);
    CHECK(gradient[i]
          == doctest::Approx((sum_at(step) - sum_at(-step)) / (2 * step)).epsilon(1e-6));
  }
}

TEST_CASE("covariances are the same between pairs and across, and positive") {
  const auto points = points_of(30);
  const auto at = some_hyperparameters();
  const matrix all = pair_kernel(axes, points).covariance(at);
  const matrix across = cross_kernel(axes, points, at).with_all(points);
  for (Eigen::Index i = 0; i < all.rows(); ++i) {
    for (Eigen::Index j = 0; j < all.cols(); ++j)
      CHECK(all(i, j) - (i == j ? at.noise_variance() : 0)
            == doctest::Approx(across(i, j)).epsilon(1e-12));
  }
  CHECK(Eigen::LLT<matrix>(all).info() == Eigen::Success);
}

TEST_CASE("a posterior goes through what it has seen and is unsure elsewhere") {
  const auto points = points_of(15);
  const auto losses = losses_of(points);
  auto at = some_hyperparameters();
  at.logs()[2] = std::log(1e-9);
  const posterior belief(axes, points, losses, at);
  const auto seen = belief.at_all(points);
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    CHECK(seen.means[i] == doctest::Approx(losses[i]).epsilon(1e-6));
    CHECK(seen.deviations[i] < 1e-3);
  }
  vector elsewhere(3);
  elsewhere << 0.01, 0.99, 1;
  CHECK(belief.at_all(elsewhere.transpose()).deviations[0] > 0.05);
}

TEST_CASE("a posterior is surprised by losses that the others do not predict") {
  const auto points = points_of(15);
  auto losses = losses_of(points);
  auto at = some_hyperparameters();
  // By hand: each left out, and predicted by a posterior of the others.
  const posterior belief(axes, points, losses, at);
  double squares = 2;
  for (Eigen::Index out = 0; out < points.rows(); ++out) {
    std::vector<Eigen::Index> others;
    for (Eigen::Index i = 0; i < points.rows(); ++i)
      if (i != out) others.push_back(i);
    const posterior without(axes, points(others, Eigen::all), losses(others), at);
    const auto predicted = without.at_all(points.row(out));
    const auto variance = std::pow(predicted.deviations[0], 2) + at.noise_variance();
    squares += std::pow(losses[out] - predicted.means[0], 2) / variance;
  }
  CHECK(belief.surprise() == doctest::Approx(std::max(1.0, std::sqrt(squares / 17))));
  losses[4] += 20;
  CHECK(posterior(axes, points, losses, at).surprise() > 2);
}

TEST_CASE("a trial under way changes how sure a posterior is, not what it expects") {
  const auto points = points_of(10);
  const posterior belief(axes, points, losses_of(points), some_hyperparameters());
  vector busy(3);
  busy << 0.8, 0.1, 2;
  const auto later = belief.believing(busy.transpose());
  const auto before = belief.at_all(busy.transpose());
  const auto after = later.at_all(busy.transpose());
  CHECK(after.means[0] == doctest::Approx(before.means[0]).epsilon(1e-9));
  CHECK(after.deviations[0] < 0.2 * before.deviations[0]);
}

TEST_CASE("acquisitions climb along their slopes") {
  const auto points = points_of(14);
  const auto losses = losses_of(points);
  const posterior belief(axes, points, losses, some_hyperparameters());
  const vector other_losses = -losses.array().square();
  const posterior other(axes, points, other_losses, some_hyperparameters());
  vector point(3);
  point << 0.37, 0.64, 1;
  check_slope(log_expected_improvement(belief, losses.minCoeff()), point);
  // An improvement that cannot be told from nothing still has a slope.
  check_slope(log_expected_improvement(belief, losses.minCoeff() - 30), point);
  check_slope(confidence_bound(belief, 1.8), point);
  check_slope(log_probability_below(belief, 0.5), point);
  check_slope(log_probability_below(belief, -40), point);
  matrix both(losses.size(), 2);
  both << losses, other_losses;
  random_stream random(3, 3);
  check_slope(log_hypervolume_improvement({&belief, &other}, both, random), point);
  all_of sum;
  sum.add(std::make_unique<log_expected_improvement>(belief, 0.2));
  sum.add(std::make_unique<log_probability_below>(other, -0.5));
  check_slope(sum, point);
}

TEST_CASE("the normal distribution keeps its digits in the tail") {
  // Reference values by arbitrary-precision arithmetic.
  CHECK(log_cumulative(-1).value == doctest::Approx(-1.8410216450092636).epsilon(1e-12));
  CHECK(log_cumulative(-20).value == doctest::Approx(-203.91715537109727).epsilon(1e-9));
  CHECK(log_gain(0).value == doctest::Approx(-0.91893853320467274).epsilon(1e-12));
  CHECK(log_gain(-5).value == doctest::Approx(-16.74430116).epsilon(1e-8));
  for (const auto z : {-5.9, -6.1, -30.0}) {
    const auto slope = (log_gain(z + 1e-5).value - log_gain(z - 1e-5).value) / 2e-5;
    CHECK(log_gain(z).slope == doctest::Approx(slope).epsilon(1e-3));
  }
  for (const auto p : {1e-9, 0.025, 0.5, 0.9})
    CHECK(cumulative(quantile(p)) == doctest::Approx(p).epsilon(1e-9));
}

TEST_CASE("a minimum inside a box, on its edge, and along a valley") {
  const box unit{vector::Zero(2), vector::Ones(2)};
  const auto bowl = [](const vector& at, vector& gradient) {
    const vector away = at - vector{{0.3, 2.0}};
    gradient = 2 * away;
    return away.squaredNorm();
  };
  const auto edge = minimise(bowl, vector{{0.9, 0.1}}, unit, {});
  CHECK(edge.at[0] == doctest::Approx(0.3));
  CHECK(edge.at[1] == 1);
  const auto valley = [](const vector& at, vector& gradient) {
    const auto a = at[1] - at[0] * at[0];
    const auto b = 1 - at[0];
    gradient.resize(2);
    gradient << -400 * a * at[0] - 2 * b, 200 * a;
    return 100 * a * a + b * b;
  };
  const auto end =
      minimise(valley, vector{{-1.2, 1.0}}, {vector::Constant(2, -2), vector::Constant(2, 2)},
               {.iterations = 200, .value_tolerance = 0});
  CHECK(end.at[0] == doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE("a warp keeps the order, and stretches the good end the more it bends") {
  const vector losses{{5, 1, 2, 1000, 1.1}};
  const auto plain = warp(losses, std::numeric_limits<double>::infinity());
  const auto bent = warp(losses, 0.1);
  for (const auto& made : {plain, bent}) {
    CHECK(made.losses.mean() == doctest::Approx(0));
    CHECK(made.losses.squaredNorm() == doctest::Approx(5));
    CHECK(made.losses[1] < made.losses[4]);
    CHECK(made.losses[4] < made.losses[2]);
    CHECK(made.losses[0] < made.losses[3]);
  }
  CHECK(bent.losses[4] - bent.losses[1] > 100 * (plain.losses[4] - plain.losses[1]));
  CHECK(warp(vector::Constant(4, 3.0), 1).losses == vector::Zero(4));
}

TEST_CASE("the fit tells an additive objective from one that is not") {
  random_stream random(11, 0);
  const std::vector<axis> three(3, axis::number);
  matrix points(40, 3);
  for (auto& coordinate : points.reshaped())
    coordinate = random.unit();
  const array x = points.col(0).array();
  const array y = points.col(1).array();
  const array z = points.col(2).array();
  const vector alone = (8 * x).sin() + (y - 0.3).square() + 2 * z;
  const vector joint = (7 * x * y + 3 * z).sin();
  for (const auto& losses : {alone, joint}) {
    const auto with = fit({three, points, losses}, true, {});
    const auto without = fit({three, points, losses}, false, {});
    CHECK((with.score > without.score + 10) == (losses == alone));
    CHECK((with.at.additive_variance() > with.at.joint_variance()) == (losses == alone));
  }
}

TEST_CASE("a piece of the front far from what is known of it counts only with a wide reach") {
  const std::vector<axis> line{axis::number};
  const matrix points{{0}, {0.1}, {0.9}, {1}};
  hyperparameters at(1);
  at.logs() << 0, 0, std::log(1e-6), std::log(0.5), std::log(0.5);
  const posterior a(line, points, vector{{0, 0.1, 0.9, 1}}, at);
  const posterior b(line, points, vector{{1, 0.5, -0.9, -1}}, at);
  // Of these trials the last is dominated; nothing was tried near 0.95.
  const matrix losses{{0, 1}, {0.1, 0.5}, {3, 3}};
  const matrix there{{0.95}};
  random_stream random(3, 3);
  const auto value = [&](front_reach reach) {
    return log_hypervolume_improvement({&a, &b}, losses, random, reach).at_all(there)[0];
  };
  CHECK(value(front_reach::near) < -30);
  CHECK(value(front_reach::everywhere) > 0);
}

TEST_CASE("a front holds what nothing else beats in everything") {
  matrix losses(5, 2);
  losses << 1, 5, 2, 2, 5, 1, 3, 3, 2, 2;
  CHECK(front_of(losses) == std::vector<Eigen::Index>{0, 1, 2, 4});
}
