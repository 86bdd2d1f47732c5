#include "tuner/gp/search.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner::gp {

namespace {

double normal(random_stream& random) {
  const auto radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(6.283185307179586 * random.unit());
}

class searcher {
public:
  searcher(const acquisition& wanted, const encoding& space, random_stream& random,
           const options& with)
      : wanted_(wanted), space_(space), random_(random), with_(with) {}

  double value(const vector& full) const {
    return wanted_.at_all(space_.features_of(full).transpose())[0];
  }

  void evaluate(std::vector<proposal>& all) const {
    matrix points(static_cast<Eigen::Index>(all.size()),
                  static_cast<Eigen::Index>(space_.axes().size()));
    for (size_t i = 0; i < all.size(); ++i)
      points.row(static_cast<Eigen::Index>(i)) = space_.features_of(all[i].full).transpose();
    const auto values = wanted_.at_all(points);
    for (size_t i = 0; i < all.size(); ++i)
      all[i].value = values[static_cast<Eigen::Index>(i)];
  }

  vector anywhere() {
    vector full(space_.dimensions());
    for (Eigen::Index k = 0; k < full.size(); ++k)
      full[k] = space_.drawn(k, random_.unit());
    return space_.pinned(std::move(full));
  }

  /// Moves some coordinates; the more there are, the smaller the part that moves.
  vector near(const vector& center) {
    const auto d = static_cast<double>(center.size());
    const auto chance = std::min(1.0, std::max(1.0, d * std::pow(random_.unit(), 2)) / d);
    const auto reach = 0.3 * std::pow(0.01, random_.unit());
    auto full = center;
    const auto forced =
        static_cast<Eigen::Index>(random_.below(static_cast<uint64_t>(full.size())));
    for (Eigen::Index k = 0; k < full.size(); ++k) {
      if (k == forced || random_.unit() < chance) full[k] = moved(k, full[k], reach);
    }
    return space_.pinned(std::move(full));
  }

  vector crossed(const vector& a, const vector& b) {
    auto full = a;
    for (Eigen::Index k = 0; k < full.size(); ++k) {
      if (random_.unit() < 0.5) full[k] = b[k];
    }
    return space_.pinned(std::move(full));
  }

  proposal climbed(proposal from) {
    for (int round = 0; round < 3; ++round) {
      const auto before = from.value;
      climb_smooth(from);
      if (!climb_levels(from) || from.value <= before) break;
    }
    return from;
  }

private:
  double moved(Eigen::Index k, double value, double reach) {
    const auto levels = space_.levels(k);
    if (space_.is_category(k) || random_.unit() < 0.1) return space_.drawn(k, random_.unit());
    if (levels == 0) return std::clamp(value + reach * normal(random_), 0.0, 1.0);
    const auto next = space_.snapped(k, value + reach * normal(random_));
    if (next != value) return next;
    const auto level = space_.level_of(k, value);
    const bool up = level == 0 || (level + 1 < levels && random_.unit() < 0.5);
    if (levels == 1) return value;
    return space_.at_level(k, up ? level + 1 : level - 1);
  }

  void climb_smooth(proposal& from) const {
    std::vector<Eigen::Index> smooth;
    const auto active = space_.features_of(from.full);
    for (Eigen::Index k = 0; k < space_.dimensions(); ++k) {
      if (space_.is_smooth(k) && !space_.is_pinned(k) && !std::isnan(active[k]))
        smooth.push_back(k);
    }
    if (smooth.empty()) return;
    const auto size = static_cast<Eigen::Index>(smooth.size());
    vector start(size);
    for (Eigen::Index i = 0; i < size; ++i)
      start[i] = active[smooth[static_cast<size_t>(i)]];
    auto point = active;
    vector slope;
    const auto function = [&](const vector& at, vector& gradient) {
      for (Eigen::Index i = 0; i < size; ++i)
        point[smooth[static_cast<size_t>(i)]] = at[i];
      const auto value = wanted_.at(point, slope);
      for (Eigen::Index i = 0; i < size; ++i)
        gradient[i] = -slope[smooth[static_cast<size_t>(i)]];
      return -value;
    };
    const auto best = minimise(function, start, {vector::Zero(size), vector::Ones(size)},
                               {.iterations = with_.climb_iterations,
                                .gradient_tolerance = 1e-7,
                                .value_tolerance = 1e-8});
    auto full = from.full;
    bool rounded = false;
    for (Eigen::Index i = 0; i < size; ++i) {
      const auto k = smooth[static_cast<size_t>(i)];
      full[k] = space_.snapped(k, best.at[i]);
      rounded = rounded || full[k] != best.at[i];
    }
    const auto now = rounded ? value(full) : -best.value;
    if (now > from.value) from = {full, now};
  }

  /// One pass over the dimensions that have levels; whether anything changed.
  bool climb_levels(proposal& from) {
    bool better = false;
    for (Eigen::Index k = 0; k < from.full.size(); ++k) {
      const auto levels = space_.levels(k);
      if (levels < 2 || space_.is_pinned(k) || std::isnan(space_.features_of(from.full)[k]))
        continue;
      std::vector<proposal> others;
      for (auto level : levels_around(k, space_.level_of(k, from.full[k]))) {
        others.push_back({from.full, 0});
        others.back().full[k] = space_.at_level(k, level);
      }
      evaluate(others);
      const auto best = std::ranges::max_element(others, {}, &proposal::value);
      if (best->value > from.value) from = *best, better = true;
    }
    return better;
  }

  std::vector<uint64_t> levels_around(Eigen::Index k, uint64_t here) {
    const auto levels = space_.levels(k);
    std::vector<uint64_t> all;
    if (levels <= encoding::levels_max_listed) {
      for (uint64_t level = 0; level < levels; ++level) {
        if (level != here) all.push_back(level);
      }
      return all;
    }
    if (here > 0) all.push_back(here - 1);
    if (here + 1 < levels) all.push_back(here + 1);
    for (int i = 0; i < 8; ++i)
      all.push_back(random_.below(levels));
    return all;
  }

  const acquisition& wanted_;
  const encoding& space_;
  random_stream& random_;
  const options& with_;
};

} // namespace

std::vector<proposal> maximise(const acquisition& wanted, const encoding& space,
                               const std::vector<vector>& incumbents, random_stream& random,
                               const options& with) {
  searcher search(wanted, space, random, with);
  std::vector<proposal> found;
  const auto consider = [&](vector full) { found.push_back({std::move(full), 0}); };
  for (int i = 0; i < with.candidates; ++i)
    consider(search.anywhere());
  const auto centers = std::min<size_t>(incumbents.size(), 4);
  for (size_t i = 0; i < centers; ++i) {
    for (int j = 0; j < with.near; ++j)
      consider(search.near(incumbents[i]));
  }
  for (int i = 0; i < with.crossed && incumbents.size() > 1; ++i) {
    const auto a = random.below(std::min<size_t>(incumbents.size(), 10));
    const auto b = random.below(incumbents.size());
    consider(search.crossed(incumbents[a], incumbents[b]));
  }
  search.evaluate(found);
  const auto climbs = std::min<size_t>(found.size(), static_cast<size_t>(with.climbs));
  std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(climbs),
                            std::ranges::greater(), &proposal::value);
  for (size_t i = 0; i < climbs; ++i)
    found[i] = search.climbed(found[i]);
  if (!incumbents.empty()) {
    auto full = incumbents[0];
    // Not exactly from the point, where a noiseless model has no deviation to climb.
    full = search.near(full);
    found.push_back(search.climbed({full, search.value(full)}));
  }
  std::ranges::stable_sort(found, std::ranges::greater(), &proposal::value);
  return found;
}

} // namespace troupe::tuner::gp
