#include "tuner/stopping/forecast.hpp"

#include "tuner/failures.hpp"
#include "tuner/gp/normal.hpp"
#include "tuner/stopping/stopping.hpp"
#include "wire/frame.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace troupe::tuner::curves {

namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr size_t curves_max = 200;
constexpr size_t finished_min = 5;
constexpr size_t cells_max = 24;
constexpr double divergence = 0.5;  // loss at the end, above where it began
constexpr double outlier = 3;       // the same on the way: some twenty times as far from the best
constexpr double loss_max = 8;      // a thousand distances
constexpr double unprecedented = 3; // times as unsure, if no trial was as bad at that point
constexpr double doubt = 2;         // as if this many more trials had ended as expected

// An improvement below the least of these does not matter: a part of the usual distance of the
// first trials to the best (later ones are where a good algorithm puts them, and near the
// best); a part of the best value; and a part of the usual distance.
constexpr size_t first_trials = 10;
constexpr double part_of_first = 0.01;
constexpr double part_of_best = 0.01;
constexpr double part_of_usual = 0.5;

/// From scores to losses with the best at 0, and back.
class warp {
public:
  warp(double best, double distance) : best_(best), distance_(distance) {}

  double loss(double score) const {
    // Halves, as a difference may overflow.
    const auto half = 0.5 * best_ - 0.5 * score;
    const auto far = 2 * (half / distance_);
    if (std::abs(far) <= 1) return far;
    const auto log = 1 + std::numbers::ln2 + std::log(std::abs(half)) - std::log(distance_);
    return std::copysign(std::min(log, loss_max), half);
  }

  double score(double loss) const {
    const auto far = std::abs(loss) <= 1 ? loss : std::copysign(std::exp(std::abs(loss) - 1), loss);
    return best_ - far * distance_;
  }

  // In units of the usual distance.
  double size_of_best() const { return std::abs(best_ / distance_); }
  double below_best(double score) const { return best_ / distance_ - score / distance_; }

private:
  double best_;
  double distance_;
};

/// Nothing if all trials are equal.
std::optional<warp> warp_of(const curve_set& study) {
  const auto best = *study.all[*study.best].objective;
  std::vector<double> distances;
  for (const auto& one : study.all) {
    if (one.objective && *one.objective < best) distances.push_back(best - *one.objective);
  }
  if (distances.empty()) return std::nullopt;
  const auto usual = median_of(std::move(distances));
  if (!std::isfinite(usual)) return std::nullopt;
  return warp(best, usual);
}

/// Upper ends of the cells; the last two are just before the end and the end itself. They grow with
/// the distance to the origin, which is one measurement before the first.
struct cells {
  double origin = 0;
  std::vector<double> ends;
};

cells cells_of(const std::vector<const curve*>& finished, double end) {
  std::vector<double> firsts, gaps;
  for (const auto* one : finished) {
    firsts.push_back(one->at.front());
    gaps.push_back((one->last() - one->at.front()) / static_cast<double>(one->at.size() - 1));
  }
  const auto gap = median_of(std::move(gaps));
  cells made{.origin = std::ranges::min(firsts) - gap};
  const auto way = end - made.origin;
  for (double growth = 1.15; made.ends.empty(); growth *= 1.1) {
    for (auto at = gap; at < way - 0.75 * gap && made.ends.size() <= cells_max;
         at = std::max(at + gap, at * growth))
      made.ends.push_back(made.origin + at);
    if (made.ends.size() + 1 > cells_max) {
      made.ends.clear();
      continue;
    }
    if (!made.ends.empty() && made.ends.back() < end - 1.25 * gap)
      made.ends.push_back(end - 0.5 * gap);
    made.ends.push_back(end);
  }
  return made;
}

class resampler {
public:
  resampler(cells by, const std::vector<const curve*>& finished)
      : origin_(by.origin), ends_(std::move(by.ends)) {
    places_.at.resize(size());
    places_.counts.resize(size());
    for (Index j = 0; j < size(); ++j) {
      std::vector<double> at, counts;
      for (const auto* one : finished) {
        const auto [from, to] = points_in(*one, j);
        double sum = 0;
        for (auto i = from; i < to; ++i)
          sum += one->at[i];
        if (from == to) continue;
        at.push_back(sum / static_cast<double>(to - from));
        counts.push_back(static_cast<double>(to - from));
      }
      const auto upper = end_of(j);
      places_.at[j] = part_of(at.empty() ? upper : median_of(std::move(at)));
      places_.counts[j] = counts.empty() ? 1 : median_of(std::move(counts));
    }
    places_.at[size() - 1] = 1;
  }

  Index size() const { return static_cast<Index>(ends_.size()); }
  const grid& places() const { return places_; }

  /// How many cells the curve has gone through.
  Index length(const curve& one) const {
    const auto reach = one.last() + 1e-9 * (ends_.back() - origin_);
    return static_cast<Index>(std::ranges::upper_bound(ends_, reach) - ends_.begin());
  }

  VectorXd values(const curve& one, const warp& by) const {
    VectorXd made = VectorXd::Zero(size());
    for (Index j = 0; j < length(one); ++j) {
      const auto [from, to] = points_in(one, j);
      double sum = 0;
      for (auto i = from; i < to; ++i)
        sum += by.loss(one.scores[i]);
      made[j] = from < to ? sum / static_cast<double>(to - from)
                          : by.loss(one.value_at(place_of(places_.at[j])));
    }
    return made;
  }

private:
  double end_of(Index j) const { return ends_[static_cast<size_t>(j)]; }
  double part_of(double place) const { return (place - origin_) / (ends_.back() - origin_); }
  double place_of(double part) const { return origin_ + part * (ends_.back() - origin_); }

  std::pair<size_t, size_t> points_in(const curve& one, Index j) const {
    return {j == 0 ? 0 : one.count_until(end_of(j - 1)), one.count_until(end_of(j))};
  }

  double origin_;
  std::vector<double> ends_;
  grid places_;
};

struct sample {
  VectorXd values;
  Index length;
};

/// As a loss below 0.
double negligible_in(const std::vector<const curve*>& finished, const warp& by) {
  std::vector<double> distances;
  for (const auto* one : finished) {
    distances.push_back(by.below_best(*one->objective));
    if (distances.size() == first_trials) break;
  }
  return std::min({part_of_first * median_of(std::move(distances)),
                   part_of_best * by.size_of_best(), part_of_usual});
}

} // namespace

class forecaster::parts {
public:
  parts(const curve_set& study, const std::vector<const curve*>& finished, const warp& by)
      : by(by), negligible(negligible_in(finished, by)), keeps_best_(study.keeps_best),
        cells_(cells_of(finished, curves::usual_end(finished)), finished) {
    std::vector<const curve*> others;
    for (const auto& one : study.all) {
      if (one.phase != phase::finished) others.push_back(&one);
    }
    for (const auto* one : finished)
      finished_.push_back(sampled(*one));
    std::vector<sample> all;
    for (const auto& one : finished_)
      add_usual(all, one);
    for (const auto* one : thinned(others, curves_max - finished.size()))
      add_usual(all, sampled(*one));
    curve_table table{Eigen::MatrixXd(cells_.size(), static_cast<Index>(all.size())), {}};
    for (size_t i = 0; i < all.size(); ++i) {
      table.values.col(static_cast<Index>(i)) = all[i].values;
      table.lengths.push_back(all[i].length);
    }
    model_ = std::make_unique<curve_model>(cells_.places(), std::move(table));
  }

  sample sampled(const curve& one) const {
    const auto seen = one.as_objective(keeps_best_);
    return {cells_.values(seen, by), cells_.length(seen)};
  }

  std::optional<forecast> final_of(const sample& seen) const {
    if (seen.length < 1 || seen.length >= cells_.size()) return std::nullopt;
    return model_->predict(seen.values, seen.length, cells_.size() - 1);
  }

  std::optional<forecast> careful_final_of(const sample& seen) const {
    auto made = final_of(seen);
    if (!made) return std::nullopt;
    made->deviation *= surprise(seen.length, *made);
    if (!has_precedent(seen)) made->deviation *= unprecedented;
    return made;
  }

  static bool diverged(const sample& one) {
    return one.length > 0 && one.values[one.length - 1] > one.values[0] + divergence;
  }

  const warp by;
  const double negligible; // loss below 0

private:
  /// Curves that diverged, or were far off for a while, would make the model expect anything.
  static void add_usual(std::vector<sample>& to, sample one) {
    if (one.length == 0 || diverged(one)) return;
    if (one.values.head(one.length).maxCoeff() > one.values[0] + outlier) return;
    to.push_back(std::move(one));
  }

  /// Whether some finished trial was as bad at that point.
  bool has_precedent(const sample& seen) const {
    const auto at = seen.length - 1;
    return std::ranges::any_of(finished_, [&](const sample& other) {
      return other.length > seen.length && other.values[at] >= seen.values[at];
    });
  }

  /// How much further than expected finished trials ended from their forecasts; trials with a
  /// forecast like this one count most.
  double surprise(Index length, const forecast& like) const {
    const auto alike = std::max(like.deviation, 0.5 * std::abs(like.mean));
    double squares = doubt;
    double count = doubt;
    for (const auto& one : finished_) {
      if (one.length <= length) continue;
      const auto end = one.length - 1;
      const auto made = model_->predict(one.values, length, end);
      const auto weight = std::exp(-0.5 * std::pow((made.mean - like.mean) / alike, 2));
      squares += weight * std::pow((one.values[end] - made.mean) / made.deviation, 2);
      count += weight;
    }
    return std::max(1.0, std::sqrt(squares / count));
  }

  bool keeps_best_;
  resampler cells_;
  std::vector<sample> finished_;
  std::unique_ptr<curve_model> model_;
};

namespace {

/// Those whose ends are known.
std::vector<const curve*> finished_in(const curve_set& study) {
  auto finished = study.in(phase::finished);
  std::erase_if(finished, [](const curve* one) { return !one->objective || one->at.size() < 2; });
  return finished;
}

} // namespace

std::optional<double> forecaster::end_of(const curve_set& study) {
  const auto finished = finished_in(study);
  if (finished.size() < finished_min || !study.best) return std::nullopt;
  const auto end = curves::usual_end(finished);
  return end > 0 ? std::optional(end) : std::nullopt;
}

std::optional<forecaster> forecaster::of(const curve_set& study) {
  const auto end = end_of(study);
  const auto by = end ? warp_of(study) : std::nullopt;
  if (!by) return std::nullopt;
  const auto finished = thinned(finished_in(study), curves_max * 3 / 4);
  return forecaster(std::make_shared<const parts>(study, finished, *by), finished.size());
}

forecaster::forecaster(std::shared_ptr<const parts> of, size_t finished)
    : parts_(std::move(of)), finished_count_(finished) {}

std::optional<forecast> forecaster::final_of(const curve& one) const {
  return parts_->final_of(parts_->sampled(one));
}

std::optional<forecast> forecaster::careful_final_of(const curve& one) const {
  return parts_->careful_final_of(parts_->sampled(one));
}

double forecaster::loss(double score) const { return parts_->by.loss(score); }

double forecaster::score(double loss) const { return parts_->by.score(loss); }

double forecaster::probability_of_improvement(const forecast& of) const {
  // By Student's t: from few finished trials the deviation itself is hardly known. They count
  // double, as stopped trials inform it too. (Approximation of Student's distribution by a normal
  // one: Wallace, 1959.)
  const auto freedom = 2 * static_cast<double>(finished_count_);
  const auto t = (-parts_->negligible - of.mean) / of.deviation;
  return gp::cumulative(t * (1 - 0.25 / freedom) / std::sqrt(1 + 0.5 * t * t / freedom));
}

bool forecaster::diverged(const curve& one) const { return parts::diverged(parts_->sampled(one)); }

std::vector<std::optional<double>> forecaster::expected_ends(const curve_set& study,
                                                             size_t trials) const {
  std::vector<std::optional<double>> made(trials);
  const auto best = *study.all[*study.best].objective;
  for (const auto* one : study.in(phase::stopped)) {
    if (!one->objective || diverged(*one)) continue;
    if (const auto end = final_of(*one))
      made[one->trial] = study.sign * std::min(best, std::max(*one->objective, score(end->mean)));
  }
  return made;
}

std::vector<std::optional<double>> expected_ends(wire::StudySpec::Reader study,
                                                 capnp::List<wire::Trial>::Reader trials) {
  const std::vector<std::optional<double>> none(trials.size());
  bool any = false;
  for (auto trial : trials)
    any = any || was_stopped(trial);
  if (!any) return none;
  const auto set = curves_of(study, trials, stops_by_time(study));
  const auto by = forecaster::of(set);
  return by ? by->expected_ends(set, trials.size()) : none;
}

} // namespace troupe::tuner::curves
