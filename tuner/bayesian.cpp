#include "tuner/bayesian.hpp"

#include "tuner/branches.hpp"
#include "tuner/gp/fit.hpp"
#include "tuner/gp/history.hpp"
#include "tuner/gp/hypervolume.hpp"
#include "tuner/gp/search.hpp"
#include "tuner/stopping/forecast.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

namespace troupe::tuner {

namespace {

// A point is worth trying only where trials fail less often than this. The weight compensates for
// points beyond the border of what works: expectations there grow, while those on this side are
// corrected by measurements.
constexpr double failure_odds_max = 0.35;
constexpr int failure_weight = 3;

// The most pending points (trials under way, points chosen): each costs more than the last.
constexpr Eigen::Index awaited_max = 512;

/// A metric's values as the model sees them, and the model.
struct metric_model {
  gp::vector labels;
  gp::posterior belief;
};

metric_model modelled(const gp::observations& seen, const gp::fitted& as) {
  return {as.losses, {seen.axes, seen.points, as.losses, as.at}};
}

metric_model modelled(const gp::observations& seen, const gp::options& with) {
  return modelled(seen, gp::fit(seen, with.additive, with));
}

gp::vector standardised(const gp::vector& values, double& mean, double& deviation) {
  mean = values.mean();
  deviation = std::sqrt((values.array() - mean).square().mean());
  if (!(deviation > 0)) deviation = 1;
  return ((values.array() - mean) / deviation).matrix();
}

bool is_mostly_smooth(const gp::encoding& space, double part) {
  Eigen::Index smooth = 0;
  for (Eigen::Index k = 0; k < space.dimensions(); ++k)
    smooth += space.is_smooth(k) ? 1 : 0;
  return static_cast<double>(smooth) >= part * static_cast<double>(space.dimensions());
}

/// What the models learnt from trials; chooses points one by one.
class knowledge {
public:
  knowledge(const study_view& study, uint32_t count, const gp::encoding& space,
            const gp::options& with)
      : study_(study), space_(space), with_(with),
        past_(gp::history_of(study, space, with.initial,
                             curves::expected_ends(study.spec, study.trials))) {
    if (!usable()) return;
    const auto first = trials_so_far(study.trials);
    for (Eigen::Index m = 0; m < past_.losses.cols(); ++m)
      learn_objective(m, first, count);
    learn_safety();
    learn_failures();
    await(past_.pending);
    if (!failures_.empty()) believe(past_.infeasible);
  }

  bool usable() const { return past_.points.rows() >= with_.initial && past_.losses.cols() > 0; }

  /// `before`: the points that were chosen before it.
  row next(const tried_points& tried, std::span<const row> before, random_stream& random,
           uint64_t trial) {
    asked_ = is_joint_turn(trial) && !joint_.empty() ? &joint_ : &objectives_;
    if (!before.empty() && awaited_.rows() < awaited_max)
      await(space_.features_of(before.back()).transpose());
    if (is_turn(trial, with_.branch_every)) {
      if (const auto branch = neglected_branch(study_.space, study_.rows, before))
        return best_of({*branch, !study_.priors.empty()}, *acquisition_in_branch(random, trial),
                       incumbents(*branch), tried, random);
    }
    return best_of(space_, *acquisition(random, trial), incumbents(), tried, random);
  }

private:
  row best_of(const gp::encoding& space, const gp::acquisition& wanted,
              const std::vector<gp::vector>& incumbents, const tried_points& tried,
              random_stream& random) const {
    const auto proposals = gp::maximise(wanted, space, incumbents, random, with_);
    row point;
    for (const auto& p : proposals) {
      point = space.row_of(p.full);
      if (!tried.contains(point)) break;
    }
    if (tried.contains(point)) point = space.row_of(proposals.front().full);
    return point;
  }

  /// True for the last of every so many trials; never if that is 0.
  static bool is_turn(uint64_t trial, int every) {
    const auto turn = static_cast<uint64_t>(every);
    return turn > 0 && trial % turn == turn - 1;
  }

  bool is_joint_turn(uint64_t trial) const { return is_turn(trial, with_.joint_every); }

  /// The additive part assumes much: sometimes a model without it is asked, if the data allow that.
  /// Whether one of the trials that are chosen now, the first being `first`, is such a trial.
  void learn_objective(Eigen::Index m, uint64_t first, uint32_t count) {
    const gp::observations seen{space_.axes(), past_.points, past_.losses.col(m), past_.sizes};
    const auto best = gp::fit(seen, with_.additive, with_);
    objectives_.push_back(modelled(seen, best));
    bool hedge = false;
    for (uint64_t trial = first; trial < first + count; ++trial)
      hedge = hedge || is_joint_turn(trial);
    if (!hedge) return;
    auto joint = gp::fit(seen, false, with_);
    joint_.push_back(modelled(seen, joint.score > best.score - with_.joint_margin ? joint : best));
  }

  void learn_safety() {
    if (past_.size() < with_.initial) return;
    auto plain = with_;
    plain.bends = 1;
    const gp::matrix points = past_.points.topRows(past_.size());
    for (Eigen::Index m = 0; m < past_.excesses.cols(); ++m) {
      double mean = 0;
      double deviation = 1;
      standardised(past_.excesses.col(m), mean, deviation);
      safeties_.push_back(modelled({space_.axes(), points, past_.excesses.col(m)}, plain));
      limits_.push_back(-mean / deviation);
      const auto n = static_cast<double>(past_.size());
      const auto safe = static_cast<double>((past_.excesses.col(m).array() <= 0).count());
      const auto desired = past_.safe_fractions[static_cast<size_t>(m)];
      // While too few trials were safe, only the point that is most probably safe is tried.
      caution_.push_back(safe < desired * n ? 4.0 : 1.0);
    }
  }

  void learn_failures() {
    if (past_.infeasible.rows() == 0) return;
    gp::matrix points(past_.points.rows() + past_.infeasible.rows(), past_.points.cols());
    points << past_.points, past_.infeasible;
    gp::vector failed = gp::vector::Zero(points.rows());
    failed.tail(past_.infeasible.rows()).setOnes();
    double mean = 0;
    double deviation = 1;
    standardised(failed, mean, deviation);
    auto plain = with_;
    plain.bends = 1;
    failures_.push_back(modelled({space_.axes(), points, failed}, plain));
    failure_limit_ = (failure_odds_max - mean) / deviation;
  }

  /// These parts of the acquisition are the same for every kind of it.
  void believe(const gp::matrix& points) {
    if (points.rows() == 0) return;
    for (auto* models : {&objectives_, &joint_, &safeties_}) {
      for (auto& model : *models)
        model.belief = model.belief.believing(points);
    }
  }

  /// Trials under way: as above, and reaching what they are expected to reach is no improvement.
  void await(const gp::matrix& points) {
    believe(points);
    awaited_.conservativeResize(awaited_.rows() + points.rows(), past_.points.cols());
    awaited_.bottomRows(points.rows()) = points;
  }

  std::unique_ptr<gp::acquisition> acquisition(random_stream& random, uint64_t trial) const {
    auto all = std::make_unique<gp::all_of>();
    if (asked_->size() > 1) {
      std::vector<const gp::posterior*> models;
      const auto own = counted();
      const auto count = static_cast<Eigen::Index>(own.size());
      gp::matrix reached(count + awaited_.rows(), past_.losses.cols());
      for (size_t m = 0; m < asked_->size(); ++m) {
        const auto& model = (*asked_)[m];
        models.push_back(&model.belief);
        const auto column = static_cast<Eigen::Index>(m);
        reached.col(column).head(count) = model.labels(own);
        if (awaited_.rows() > 0)
          reached.col(column).tail(awaited_.rows()) = model.belief.means_at(awaited_);
      }
      all->add(std::make_unique<gp::log_hypervolume_improvement>(
          models, reached, random,
          is_turn(trial, with_.far_every) ? gp::front_reach::everywhere : gp::front_reach::near));
    } else {
      const auto& model = asked_->front().belief;
      if (const auto width = bound_asked(trial))
        return std::make_unique<gp::confidence_bound>(model, *width);
      all->add(std::make_unique<gp::log_expected_improvement>(model, best_mean()));
    }
    add_chances(*all);
    return all;
  }

  /// The width of the confidence bound that decides; none where expected improvement does. Where a
  /// point must also be safe or likely to work, probabilities are weighed, and a bound is not one.
  std::optional<double> bound_asked(uint64_t trial) const {
    if (!safeties_.empty() || !failures_.empty()) return std::nullopt;
    if (awaited_.rows() > 0 && is_mostly_smooth(space_, with_.narrow_smooth)) {
      if (is_turn(trial, with_.improve_every)) return std::nullopt;
      return with_.narrow;
    }
    if (!is_turn(trial, with_.ucb_every)) return std::nullopt;
    return with_.ucb;
  }

  /// How good a branch can be counts, not whether it is already better than all others.
  std::unique_ptr<gp::acquisition> acquisition_in_branch(random_stream& random,
                                                         uint64_t trial) const {
    if (asked_->size() > 1 || !safeties_.empty() || !failures_.empty())
      return acquisition(random, trial);
    return std::make_unique<gp::confidence_bound>(asked_->front().belief, with_.ucb);
  }

  void add_chances(gp::all_of& all) const {
    for (size_t m = 0; m < safeties_.size(); ++m) {
      for (double i = 0; i < caution_[m]; ++i)
        all.add(std::make_unique<gp::log_probability_below>(safeties_[m].belief, limits_[m]));
    }
    for (const auto& model : failures_)
      for (int i = 0; i < failure_weight; ++i)
        all.add(std::make_unique<gp::log_probability_below>(model.belief, failure_limit_));
  }

  bool safe(Eigen::Index trial) const { return (past_.excesses.row(trial).array() <= 0).all(); }

  /// The trials that a new one must improve on: the safe ones; all, while none is safe; those of
  /// earlier studies, while this study has none.
  std::vector<Eigen::Index> counted() const {
    const auto rows = past_.size() > 0 ? past_.size() : past_.losses.rows();
    std::vector<Eigen::Index> all(static_cast<size_t>(rows));
    std::iota(all.begin(), all.end(), 0);
    if (past_.size() == 0 || safeties_.empty()) return all;
    std::vector<Eigen::Index> kept;
    std::ranges::copy_if(all, std::back_inserter(kept), [this](auto i) { return safe(i); });
    return kept.empty() ? all : kept;
  }

  /// What this study's model expects at its trials' points; while it has no trials, at those of
  /// earlier studies.
  gp::vector means() const {
    gp::matrix points = past_.size() > 0 ? past_.points.topRows(past_.size()) : past_.points;
    if (past_.size() == 0) points.rightCols(1).setZero();
    return asked_->front().belief.means_at(points);
  }

  /// Among the safe trials, if there are any.
  double best_mean() const {
    const auto all = means();
    auto best = past_.size() > 0 ? all[by_mean().front()] : all.minCoeff();
    if (awaited_.rows() > 0)
      best = std::min(best, asked_->front().belief.means_at(awaited_).minCoeff());
    return best;
  }

  /// The trials, safe ones first, the best first; of several objectives the first decides.
  std::vector<Eigen::Index> by_mean() const {
    const gp::vector means = this->means();
    std::vector<Eigen::Index> order(static_cast<size_t>(past_.size()));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {},
                             [&](Eigen::Index i) { return std::pair(!safe(i), means[i]); });
    return order;
  }

  std::vector<gp::vector> incumbents() const { return points_of(best_first()); }

  /// Points inside a part of the space come before the others.
  std::vector<gp::vector> incumbents(const search_space& part) const {
    auto order = best_first();
    std::ranges::stable_partition(
        order, [&](Eigen::Index i) { return part.holds(past_.rows[static_cast<size_t>(i)]); });
    return points_of(order);
  }

  std::vector<Eigen::Index> best_first() const {
    auto order = by_mean();
    if (asked_->size() > 1 && !order.empty()) {
      const auto own = counted();
      std::vector<Eigen::Index> front;
      for (auto i : gp::front_of(past_.losses(own, Eigen::all)))
        front.push_back(own[static_cast<size_t>(i)]);
      std::ranges::stable_partition(
          order, [&](Eigen::Index i) { return std::ranges::find(front, i) != front.end(); });
    }
    return order;
  }

  std::vector<gp::vector> points_of(const std::vector<Eigen::Index>& order) const {
    std::vector<gp::vector> best;
    for (auto i : order)
      best.push_back(space_.full_of(past_.rows[static_cast<size_t>(i)]));
    return best;
  }

  const study_view& study_;
  const gp::encoding& space_;
  const gp::options& with_;
  gp::history past_;
  std::vector<metric_model> objectives_;
  std::vector<metric_model> joint_;                 // without the additive part; may be none
  std::vector<metric_model>* asked_ = &objectives_; // for the point being chosen
  gp::matrix awaited_;                              // under way, or chosen here
  std::vector<metric_model> safeties_;
  std::vector<double> limits_;         // of the safety metrics, in the units of their models
  std::vector<double> caution_;        // the weight of each safety metric
  std::vector<metric_model> failures_; // one at most
  double failure_limit_ = 0;           // failure_odds_max, in the units of their model
};

} // namespace

namespace {

/// The study's observationNoise becomes the model's prior of the noise.
gp::options expecting(wire::StudySpec::ObservationNoise noise) {
  gp::options with;
  if (noise == wire::StudySpec::ObservationNoise::HIGH) with.noise_variance = 0.03;
  if (noise == wire::StudySpec::ObservationNoise::LOW) with.noise_variance = 1e-6;
  return with;
}

} // namespace

chosen_points bayesian_search(const study_view& study, uint32_t count) {
  return bayesian_search(study, count, expecting(study.spec.getObservationNoise()));
}

chosen_points bayesian_search(const study_view& study, uint32_t count, const gp::options& with) {
  const gp::encoding space(study.space, !study.priors.empty());
  knowledge known(study, count, space, with);
  if (!known.usable()) return quasi_random_search(study, count);
  return chosen_one_by_one(
      study, count,
      [&](uint64_t trial, const tried_points& tried, std::span<const row> before,
          random_stream& random) { return known.next(tried, before, random, trial); });
}

} // namespace troupe::tuner
