// The convex rule of Vertex AI: for a trial that has measured enough, an autoregression over the
// finished trials predicts what it will have gained at the last step from its latest gains;
// if even an over-estimate of that is worse than the best trial, it is stopped. A flat curve does
// not show how it goes on, so there is no prediction for it.
//
// Stopped trials teach nothing here, as their end is not known. Vertex AI gives a stopped trial a
// last measurement with the predicted value, and predicts them with updateAllStoppedTrials; here no
// predicted value is stored, so that field changes nothing.
#include "tuner/objective.hpp"
#include "tuner/stopping/rules.hpp"
#include "wire/frame.hpp"

#include <Eigen/Dense>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::tuner::curves {

namespace {

constexpr size_t curves_max = 200;
constexpr size_t default_measurements = 5;
constexpr double over = 2; // standard errors above the prediction
constexpr double ridge = 1e-3;

struct limits {
  size_t measurements; // that the trial must have; one more trial than this must have finished
  double from;         // steps
  double to;
};

limits limits_of(wire::ConvexAutomatedStoppingSpec::Reader spec,
                 const std::vector<const curve*>& finished) {
  limits made{default_measurements, 0, 0};
  if (spec.getMinMeasurementCount() > 0)
    made.measurements = static_cast<size_t>(spec.getMinMeasurementCount());
  if (spec.getMaxStepCount() > 0)
    made.to = static_cast<double>(spec.getMaxStepCount());
  else if (!finished.empty())
    made.to = usual_end(finished);
  made.from =
      spec.getMinStepCount() > 0 ? static_cast<double>(spec.getMinStepCount()) : made.to / 10;
  return made;
}

/// The learning rate of every trial, as its logarithm; 0 where it has none.
std::vector<double> learning_rates(capnp::List<wire::Trial>::Reader trials, std::string_view name) {
  std::vector<double> rates(trials.size(), 0);
  for (uint32_t i = 0; i < trials.size(); ++i) {
    for (auto parameter : trials[i].getParameters()) {
      if (wire::view(parameter.getParameterId()) != name || !parameter.getValue().isNumber())
        continue;
      const auto rate = parameter.getValue().getNumber();
      if (std::isfinite(rate)) rates[i] = rate > 0 ? std::log(rate) : rate;
    }
  }
  return rates;
}

bool flat(const curve& one, size_t count) {
  const auto [low, high] =
      std::minmax_element(one.scores.end() - static_cast<std::ptrdiff_t>(count), one.scores.end());
  return *high - *low <= 1e-9 * std::max(std::abs(*high), std::abs(*low));
}

struct prediction {
  double gain;
  double error;
};

class autoregression {
public:
  autoregression(std::vector<curve> finished, std::vector<double> rates, bool rated)
      : finished_(std::move(finished)), rates_(std::move(rates)), rated_(rated) {}

  /// The gain of `one` until `to`, predicted from its gains over its last `count` measurements, in
  /// two halves, as other trials that were at the same places gained.
  std::optional<prediction> predict(const curve& one, size_t count, double to) const {
    const auto last = one.at.size() - 1;
    const std::array places{one.at[last + 1 - count], one.at[last - (count - 1) / 2], one.at[last]};
    std::vector<const curve*> others;
    for (const auto& other : finished_) {
      if (other.at.front() <= places[0] && other.last() > places[2]) others.push_back(&other);
    }
    if (others.size() <= count) return std::nullopt;
    Eigen::MatrixXd features(others.size(), rated_ ? 4 : 3);
    Eigen::VectorXd gains(others.size());
    for (Eigen::Index i = 0; i < gains.size(); ++i) {
      const auto& other = *others[static_cast<size_t>(i)];
      features.row(i) = features_of(other, places);
      gains[i] = other.value_at(to) - other.value_at(places[2]);
    }
    return regress(features, gains, features_of(one, places));
  }

private:
  Eigen::RowVectorXd features_of(const curve& one, const std::array<double, 3>& places) const {
    Eigen::RowVectorXd made(rated_ ? 4 : 3);
    const auto middle = one.value_at(places[1]);
    made[0] = 1;
    made[1] = one.value_at(places[2]) - middle;
    made[2] = middle - one.value_at(places[0]);
    if (rated_) made[3] = rates_[one.trial];
    return made;
  }

  /// Least squares; the error is that of predicting each trial from the others.
  static prediction regress(Eigen::MatrixXd features, const Eigen::VectorXd& gains,
                            Eigen::RowVectorXd wanted) {
    for (Eigen::Index k = 1; k < features.cols(); ++k) {
      const auto mean = features.col(k).mean();
      const auto spread = std::sqrt((features.col(k).array() - mean).square().mean());
      const auto scale = spread > 0 ? 1 / spread : 0;
      features.col(k) = (features.col(k).array() - mean) * scale;
      wanted[k] = (wanted[k] - mean) * scale;
    }
    const auto n = static_cast<double>(gains.size());
    Eigen::MatrixXd normal = features.transpose() * features;
    normal.diagonal().array() += ridge * n;
    const Eigen::LLT<Eigen::MatrixXd> solver(normal);
    const Eigen::VectorXd weights = solver.solve(features.transpose() * gains);
    double squares = 0;
    for (Eigen::Index i = 0; i < gains.size(); ++i) {
      const Eigen::VectorXd x = features.row(i);
      const auto leverage = std::min(0.99, x.dot(solver.solve(x)));
      squares += std::pow((gains[i] - x.dot(weights)) / (1 - leverage), 2);
    }
    const Eigen::VectorXd x = wanted;
    return {x.dot(weights), std::sqrt(squares / n * (1 + x.dot(solver.solve(x))))};
  }

  std::vector<curve> finished_;
  std::vector<double> rates_;
  bool rated_;
};

} // namespace

verdict convex_rule(const curve_set& study, wire::ConvexAutomatedStoppingSpec::Reader spec,
                    capnp::List<wire::Trial>::Reader trials) {
  const auto finished = thinned(study.in(phase::finished), curves_max);
  const auto within = limits_of(spec, finished);
  const auto rate = wire::view(spec.getLearningRateParameterName());
  std::vector<curve> ended;
  for (const auto* one : finished)
    ended.push_back(one->as_objective(study.keeps_best));
  const autoregression model(std::move(ended), learning_rates(trials, rate), !rate.empty());
  return [&study, finished, within, model](const curve& asked) -> std::optional<std::string> {
    const auto one = asked.as_objective(study.keeps_best);
    if (!study.best || finished.size() <= within.measurements || one.at.size() < within.measurements
        || !(one.last() > within.from) || !(one.last() < within.to))
      return std::nullopt;
    const auto& best = study.all[*study.best];
    const auto count = std::max<size_t>(within.measurements, 2);
    if (one.at.size() < count || *one.objective >= *best.objective || flat(one, count))
      return std::nullopt;
    const auto predicted = model.predict(one, count, within.to);
    if (!predicted || !std::isfinite(predicted->gain) || !std::isfinite(predicted->error))
      return std::nullopt;
    const auto most =
        std::max(*one.objective, one.scores.back() + predicted->gain + over * predicted->error);
    if (!(most < *best.objective)) return std::nullopt;
    return fmt::format("convex rule: {} at {} after {} measurements; {} finished trials let it "
                       "reach {:.6g} at {} at most, which is worse than {:.6g} of trial {}",
                       study.value_text(one.scores.back()), study.place_text(one.last()),
                       one.at.size(), finished.size(), study.sign * most + 0.0,
                       study.place_text(within.to), study.sign * *best.objective + 0.0, best.id);
  };
}

} // namespace troupe::tuner::curves
