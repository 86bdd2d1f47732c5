// The decay curve rule, of which Vertex AI says no more than that a Gaussian process regression
// predicts a trial's final objective from the completed trials and from what it has measured, and
// that the trial is stopped if it is very unlikely to exceed the best. What it is here is in
// core/study/stopping/curve_model.hpp; this file makes curves into what that model takes:
//
// - Losses, as parts of the usual distance between a trial and the best, which is 0. Beyond that
//   distance only their logarithm counts, so that a trial that diverges does not bend the model.
// - On a grid that is fine at first and then ever coarser, by means over its cells.
// - Stopped and running trials teach as well, as curves of which the rest is not seen.
//
// A forecast is trusted as far as it would have been right on finished trials of which as much had
// been seen, those with a similar forecast above all: if they ended further from theirs than the
// model expects, the deviation grows by as much. And nothing is stopped for being worse, at its
// point, than any finished trial was: what becomes of such trials nobody has seen yet, and a slow
// starter may be the best.
#include "core/study/gp/normal.hpp"
#include "core/study/stopping/curve_model.hpp"
#include "core/study/stopping/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace troupe::core::curves {

namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr size_t curves_max = 200;
constexpr size_t finished_min = 5;
constexpr size_t points_min = 4;
constexpr double part_min = 0.1; // of the usual length
constexpr double very_low = 0.02;
constexpr size_t cells_max = 24;
constexpr double diverged = 0.5; // distances above where it began
constexpr double doubt = 2;      // finished trials that ended as expected, imagined

/// A trial's scores as its objective sees them: with the best measurement as objective, the best
/// so far.
curve as_objective(const curve& one, bool keeps_best) {
  curve made = one;
  if (one.phase == phase::finished && one.objective) made.scores.back() = *one.objective;
  if (keeps_best) {
    for (size_t i = 1; i < made.scores.size(); ++i)
      made.scores[i] = std::max(made.scores[i], made.scores[i - 1]);
  }
  return made;
}

/// From scores to losses with the best at 0, and back.
class warp {
public:
  warp(double best, double distance) : best_(best), distance_(distance) {}

  double loss(double score) const {
    const auto far = (best_ - score) / distance_;
    return std::abs(far) <= 1 ? far : std::copysign(1 + std::log(std::abs(far)), far);
  }
  double score(double loss) const {
    const auto far = std::abs(loss) <= 1 ? loss : std::copysign(std::exp(std::abs(loss) - 1), loss);
    return best_ - far * distance_;
  }

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
  cells made{.origin = median_of(std::move(firsts)) - gap};
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

/// That a value is below 0, by Student's t: from few finished trials the deviation itself is hardly
/// known. They count double, as the trials that were cut short teach it too. (His distribution as a
/// normal one: Wallace, 1959.)
double probability_below_0(const forecast& of, size_t finished) {
  const auto freedom = 2 * static_cast<double>(finished);
  const auto t = -of.mean / of.deviation;
  return gp::cumulative(t * (1 - 0.25 / freedom) / std::sqrt(1 + 0.5 * t * t / freedom));
}

class decay_model {
public:
  decay_model(const curve_set& study, const std::vector<const curve*>& finished, const warp& by)
      : keeps_best_(study.keeps_best), by_(by),
        cells_(cells_of(finished, usual_end(finished)), finished) {
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
    const auto seen = as_objective(one, keeps_best_);
    return {cells_.values(seen, by_), cells_.length(seen)};
  }

  /// Nothing if the trial is too young, or at its end.
  std::optional<forecast> final_of(const curve& one) const {
    const auto seen = sampled(one);
    if (seen.length < 1 || seen.length >= cells_.size()) return std::nullopt;
    auto made = model_->predict(seen.values, seen.length, cells_.size() - 1);
    if (!has_precedent(seen)) return std::nullopt;
    made.deviation *= surprise(seen.length, made);
    return made;
  }

private:
  /// What ends worse than it began diverged, and would teach the model that anything can happen.
  static void add_usual(std::vector<sample>& to, sample one) {
    if (one.length > 0 && one.values[one.length - 1] <= one.values[0] + diverged)
      to.push_back(std::move(one));
  }

  /// Whether some finished trial was as bad at that point.
  bool has_precedent(const sample& seen) const {
    const auto at = seen.length - 1;
    return std::ranges::any_of(finished_, [&](const sample& other) {
      return other.length > seen.length && other.values[at] >= seen.values[at];
    });
  }

  /// How much further than expected finished trials ended from their forecasts, those with a
  /// forecast like this one above all.
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
  warp by_;
  resampler cells_;
  std::vector<sample> finished_;
  std::unique_ptr<curve_model> model_;
};

} // namespace

verdict decay_rule(const curve_set& study) {
  const auto none = [](const curve&) { return std::nullopt; };
  auto finished = study.in(phase::finished);
  std::erase_if(finished, [](const curve* one) { return !one->objective || one->at.size() < 2; });
  if (finished.size() < finished_min || !study.best) return none;
  const auto by = warp_of(study);
  const auto end = usual_end(finished);
  if (!by || !(end > 0)) return none;
  finished = thinned(finished, curves_max * 3 / 4);

  const auto old_enough = [&study, end](const curve& one) {
    return one.at.size() >= points_min && one.last() >= part_min * end && one.last() < end
           && *one.objective < *study.all[*study.best].objective;
  };
  // The model is the dear part, and often there is nobody to judge.
  if (std::ranges::none_of(study.in(phase::active), [&](auto* one) { return old_enough(*one); }))
    return none;
  const auto model = std::make_shared<const decay_model>(study, finished, *by);
  return [&study, by, end, old_enough, model,
          count = finished.size()](const curve& one) -> std::optional<std::string> {
    if (!old_enough(one)) return std::nullopt;
    const auto made = model->final_of(one);
    if (!made) return std::nullopt;
    const auto probability = probability_below_0(*made, count);
    if (!(probability < very_low)) return std::nullopt;
    const auto& best = study.all[*study.best];
    return fmt::format(
        "decay curve rule: {} at {} after {} measurements; predicted to end at {:.6g} ({:.6g} to "
        "{:.6g}) at {}, so with probability {:.2g} better than {:.6g} of trial {}",
        study.value_text(one.scores.back()), study.place_text(one.last()), one.at.size(),
        study.sign * by->score(made->mean),
        study.sign * by->score(made->mean - 2 * made->deviation),
        study.sign * by->score(made->mean + 2 * made->deviation), study.place_text(end),
        probability, study.sign * *best.objective + 0.0, best.id);
  };
}

} // namespace troupe::core::curves
