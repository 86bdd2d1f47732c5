#include "tuner/stopping/promise.hpp"

#include "tuner/gp/fit.hpp"
#include "tuner/gp/history.hpp"
#include "tuner/gp/posterior.hpp"
#include "tuner/gp/warp.hpp"
#include "tuner/objective.hpp"

#include <cmath>

namespace troupe::tuner::curves {

namespace {

/// A model needs this many: it must know the space before it calls a trial not worth finishing.
Eigen::Index trials_min(size_t features) { return 10 + 5 * static_cast<Eigen::Index>(features); }

// Ended trials. More would take too long, as the model is used again after every measurement.
constexpr size_t trials_most = 200;

} // namespace

class promises::parts {
public:
  parts(wire::StudySpec::Reader study, capnp::List<wire::Trial>::Reader trials,
        std::span<const std::optional<double>> expected)
      : space_(study), as_(space_, false), points_(space_), rows_(rows_of(space_, trials)),
        past_(gp::history_of({study, trials, rows_, 0, space_, points_, tried_, {}}, as_, 0,
                             expected, trials_most)) {
    for (auto metric : study.getMetrics()) {
      if (!metric.hasSafetyConfig()) sign_ = is_better(metric.getGoal(), 1, 0) ? -1 : 1;
    }
    if (!enough()) return;
    const gp::observations seen{as_.axes(), past_.points, past_.losses.col(0)};
    const gp::options with;
    const auto best = gp::fit(seen, with.additive, with);
    scale_ = gp::warping(seen.losses, best.bend);
    noise_ = best.at.noise_variance();
    belief_.emplace(as_.axes(), past_.points, best.losses, best.at);
    surprise_ = belief_->surprise();
  }

  bool enough() const {
    return past_.losses.cols() == 1 && past_.size() >= trials_min(as_.axes().size());
  }

  std::optional<promised> at(uint32_t trial) const {
    const auto& point = rows_[trial];
    if (!point) return std::nullopt;
    const auto made = belief_->at_all(as_.features_of(*point).transpose());
    const auto deviation = surprise_ * std::sqrt(made.deviations[0] * made.deviations[0] + noise_);
    return promised{sign_ * scale_.loss(made.means[0]),
                    sign_ * scale_.loss(made.means[0] - deviation)};
  }

private:
  search_space space_;
  gp::encoding as_;
  enumeration points_;
  std::vector<std::optional<row>> rows_;
  tried_points tried_;
  gp::history past_;
  double sign_ = 1; // from losses to values
  gp::warping scale_;
  double noise_ = 0;
  double surprise_ = 1;
  std::optional<gp::posterior> belief_;
};

std::optional<promises> promises::of(wire::StudySpec::Reader study,
                                     capnp::List<wire::Trial>::Reader trials,
                                     std::span<const std::optional<double>> expected) {
  if (study.getParameters().size() == 0) return std::nullopt;
  const auto made = std::make_shared<const parts>(study, trials, expected);
  return made->enough() ? std::optional(promises(made)) : std::nullopt;
}

promises::promises(std::shared_ptr<const parts> of) : parts_(std::move(of)) {}

std::optional<promised> promises::at(uint32_t trial) const { return parts_->at(trial); }

} // namespace troupe::tuner::curves
