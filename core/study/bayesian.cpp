#include "core/study/bayesian.hpp"

#include "core/study/gp/fit.hpp"
#include "core/study/gp/history.hpp"
#include "core/study/gp/hypervolume.hpp"
#include "core/study/gp/search.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

namespace troupe::core {

namespace {

// A model of more trials takes too long, and those left out are the ones that tell least.
constexpr Eigen::Index trials_max = 600;

/// A metric's labels as the model has them, and the model.
struct metric_model {
  gp::vector labels;
  gp::posterior belief;
};

metric_model modelled(const gp::encoding& space, const gp::matrix& points, const gp::vector& losses,
                      bool hedge, const gp::options& with) {
  const gp::observations seen{space.axes(), points, losses};
  auto best = gp::fit(seen, !with.noadd, with);
  if (hedge) {
    // The additive part is bold: once in a while, a model without it is asked where the data do
    // not speak against that.
    auto joint = gp::fit(seen, false, with);
    if (joint.score > best.score - with.joint_margin) best = std::move(joint);
  }
  return {best.losses, {space.axes(), points, best.losses, best.at}};
}

gp::vector standardised(const gp::vector& values, double& mean, double& deviation) {
  mean = values.mean();
  deviation = std::sqrt((values.array() - mean).square().mean());
  if (!(deviation > 0)) deviation = 1;
  return ((values.array() - mean) / deviation).matrix();
}

/// What trials have taught, to choose points one by one.
class knowledge {
public:
  knowledge(const study_view& study, const gp::encoding& space, const gp::options& with)
      : space_(space), with_(with),
        past_(gp::history_of(study.spec, study.trials, study.space, space)) {
    if (!usable()) return;
    past_.thin_to(trials_max);
    const auto turn = static_cast<size_t>(with.joint_every);
    const bool hedge = turn > 0 && study.trials.size() % turn == turn - 1;
    for (Eigen::Index m = 0; m < past_.losses.cols(); ++m)
      objectives_.push_back(modelled(space, past_.points, past_.losses.col(m), hedge, with));
    learn_safety();
    learn_failures();
    believe(past_.pending);
    if (!failures_.empty()) believe(past_.infeasible);
  }

  bool usable() const { return past_.size() >= with_.initial && past_.losses.cols() > 0; }

  row next(const tried_points& tried, random_stream& random, uint64_t trial) {
    if (last_) believe(space_.features_of(*last_).transpose());
    const auto wanted = acquisition(random, trial);
    const auto proposals = gp::maximise(*wanted, space_, incumbents(), random, with_);
    row point;
    for (const auto& p : proposals) {
      point = space_.row_of(p.full);
      if (!tried.contains(point)) break;
    }
    if (tried.contains(point)) point = space_.row_of(proposals.front().full);
    last_ = point;
    return point;
  }

private:
  void learn_safety() {
    auto plain = with_;
    plain.bend_fixed = -1;
    for (Eigen::Index m = 0; m < past_.excesses.cols(); ++m) {
      double mean = 0;
      double deviation = 1;
      const gp::vector labels = standardised(past_.excesses.col(m), mean, deviation);
      safeties_.push_back(modelled(space_, past_.points, past_.excesses.col(m), false, plain));
      limits_.push_back(-mean / deviation);
      const auto n = static_cast<double>(past_.size());
      const auto safe = static_cast<double>((past_.excesses.col(m).array() <= 0).count());
      const auto desired = past_.safe_fractions[static_cast<size_t>(m)];
      // While too few trials were safe, only what is most probably safe is tried.
      caution_.push_back(safe < desired * n ? 4.0 : 1.0);
    }
  }

  void learn_failures() {
    if (past_.infeasible.rows() == 0) return;
    gp::matrix points(past_.size() + past_.infeasible.rows(), past_.points.cols());
    points << past_.points, past_.infeasible;
    gp::vector failed = gp::vector::Zero(points.rows());
    failed.tail(past_.infeasible.rows()).setOnes();
    double mean = 0;
    double deviation = 1;
    standardised(failed, mean, deviation);
    auto plain = with_;
    plain.bend_fixed = -1;
    failures_.push_back(modelled(space_, points, failed, false, plain));
    success_ = -mean / deviation;
    failure_ = (1 - mean) / deviation;
  }

  void believe(const gp::matrix& points) {
    if (points.rows() == 0) return;
    for (auto& model : objectives_)
      model.belief = model.belief.believing(points);
    for (auto& model : safeties_)
      model.belief = model.belief.believing(points);
  }

  std::unique_ptr<gp::acquisition> acquisition(random_stream& random, uint64_t trial) const {
    auto all = std::make_unique<gp::all_of>();
    if (objectives_.size() > 1) {
      std::vector<const gp::posterior*> models;
      gp::matrix labels(past_.size(), past_.losses.cols());
      for (size_t m = 0; m < objectives_.size(); ++m) {
        models.push_back(&objectives_[m].belief);
        labels.col(static_cast<Eigen::Index>(m)) = objectives_[m].labels;
      }
      all->add(std::make_unique<gp::log_hypervolume_improvement>(models, labels, random));
    } else {
      const auto& model = objectives_.front().belief;
      const bool free = safeties_.empty() && failures_.empty();
      if (free && with_.ucb_every > 0
          && trial % static_cast<uint64_t>(with_.ucb_every)
                 == static_cast<uint64_t>(with_.ucb_every) - 1)
        return std::make_unique<gp::confidence_bound>(model, with_.ucb);
      all->add(std::make_unique<gp::log_expected_improvement>(model, best_mean()));
    }
    add_chances(*all);
    return all;
  }

  void add_chances(gp::all_of& all) const {
    for (size_t m = 0; m < safeties_.size(); ++m) {
      for (double i = 0; i < caution_[m]; ++i)
        all.add(std::make_unique<gp::log_probability_below>(safeties_[m].belief, limits_[m]));
    }
    for (const auto& model : failures_)
      all.add(std::make_unique<gp::log_success>(model.belief, success_, failure_));
  }

  bool safe(Eigen::Index trial) const { return (past_.excesses.row(trial).array() <= 0).all(); }

  /// Of the safe trials, if there are any.
  double best_mean() const {
    const auto order = by_mean();
    return objectives_.front().belief.means_at(past_.points)[order.front()];
  }

  /// The trials, safe ones first, the best first; of several objectives the first decides.
  std::vector<Eigen::Index> by_mean() const {
    const gp::vector means = objectives_.front().belief.means_at(past_.points);
    std::vector<Eigen::Index> order(static_cast<size_t>(past_.size()));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {},
                             [&](Eigen::Index i) { return std::pair(!safe(i), means[i]); });
    return order;
  }

  std::vector<gp::vector> incumbents() const {
    auto order = by_mean();
    if (objectives_.size() > 1) {
      const auto front = gp::front_of(past_.losses);
      std::ranges::stable_partition(
          order, [&](Eigen::Index i) { return std::ranges::find(front, i) != front.end(); });
    }
    std::vector<gp::vector> best;
    for (auto i : order)
      best.push_back(space_.full_of(past_.rows[static_cast<size_t>(i)]));
    return best;
  }

  std::optional<row> last_; // of the points chosen here, not yet believed
  const gp::encoding& space_;
  const gp::options& with_;
  gp::history past_;
  std::vector<metric_model> objectives_;
  std::vector<metric_model> safeties_;
  std::vector<double> limits_;         // of the safety metrics, as their models have it
  std::vector<double> caution_;        // how often a safety counts
  std::vector<metric_model> failures_; // one at most
  double success_ = 0;
  double failure_ = 1;
};

} // namespace

chosen_points bayesian_search(const study_view& study, uint32_t count) {
  return bayesian_search(study, count, {});
}

chosen_points bayesian_search(const study_view& study, uint32_t count, const gp::options& with) {
  const gp::encoding space(study.space);
  knowledge known(study, space, with);
  if (!known.usable()) return quasi_random_search(study, count);
  return chosen_one_by_one(study, count,
                           [&](uint64_t trial, const tried_points& tried, random_stream& random) {
                             return known.next(tried, random, trial);
                           });
}

} // namespace troupe::core
