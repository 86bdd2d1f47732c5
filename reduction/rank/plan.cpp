#include "reduction/rank/plan.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

namespace troupe::reduction {

namespace {

constexpr uint64_t one = 65536; // weights are whole parts of this

double ring_factor_of(uint32_t workers) { return workers == 0 ? 0 : 2.0 * (workers - 1) / workers; }

double reducers_factor_of(uint32_t workers, double kappa) {
  return kappa > 0 ? workers / kappa : std::numeric_limits<double>::infinity();
}

double best_share(uint32_t workers, double kappa) {
  // A single worker's array is the sum already.
  if (workers < 2 || kappa <= 0) return 0;
  const double n = workers;
  if (kappa >= n) return 1;
  return 2 * kappa * (n - 1) / (n * n + kappa * n - 2 * kappa);
}

/// Rounds with a single operation that compilers cannot contract, so the same everywhere.
uint64_t parts_of(double value, double whole) {
  if (!(value > 0) || !(whole > 0)) return 0;
  return static_cast<uint64_t>(std::llround(std::min(value / whole, 1.0) * double(one)));
}

std::vector<uint64_t> whole_weights(const std::vector<double>& weights) {
  double largest = 0;
  for (const double each : weights)
    if (std::isfinite(each)) largest = std::max(largest, each);
  std::vector<uint64_t> out;
  for (const double each : weights)
    out.push_back(parts_of(each, largest));
  return out;
}

/// The contents of a pattern: how often each lane comes in a period. All workers' lanes come
/// equally often: one of them being dealt more would hold up all the others.
struct counts {
  std::vector<uint32_t> dedicated;
  uint32_t each_colocated = 0;
  uint32_t period = 0;
};

class count_search {
public:
  count_search(std::vector<uint64_t> weights, uint32_t colocated, uint64_t share)
      : weights_(std::move(weights)), colocated_(colocated), share_(share),
        sum_(std::accumulate(weights_.begin(), weights_.end(), uint64_t(0))) {
    // A table by lane and position follows from it, so it may not be long; it must be long enough
    // that every lane can come, some of them several times.
    const uint64_t lanes = weights_.size() + colocated;
    limit_ = static_cast<uint32_t>(std::min<uint64_t>(std::max<uint64_t>(1024, 4 * lanes), 65'000));
  }

  counts best() {
    if (share_ > 0)
      for (uint32_t dealt = 1; dealt <= limit_; ++dealt)
        consider(dealt, 0);
    if (share_ < one)
      for (uint32_t each = 1; uint64_t(each) * colocated_ <= limit_; ++each) {
        const auto fitting = uint64_t(each) * colocated_ * share_ / (one - share_);
        if (fitting > limit_) break;
        consider(static_cast<uint32_t>(fitting), each);
        consider(static_cast<uint32_t>(fitting) + 1, each);
      }
    return best_;
  }

private:
  static constexpr uint64_t scale = 1 << 16; // 64 bits hold its products

  void consider(uint32_t dealt, uint32_t each_colocated) {
    const auto period = uint64_t(dealt) + uint64_t(each_colocated) * colocated_;
    if (period > limit_ || (dealt > 0 && share_ == 0)) return;
    counts made{apportion(dealt), each_colocated, static_cast<uint32_t>(period)};
    const auto found = overload(made);
    // A longer pattern has to be better by a thousandth.
    if (best_.period != 0 && found + scale / 1024 >= overload_) return;
    best_ = std::move(made);
    overload_ = found;
  }

  /// Largest remainders: whole shares first; the rest goes to the lanes that lost most by rounding.
  std::vector<uint32_t> apportion(uint64_t dealt) const {
    std::vector<uint32_t> out(weights_.size());
    if (dealt == 0) return out;
    uint64_t left = dealt;
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<uint32_t>(dealt * weights_[i] / sum_);
      left -= out[i];
    }
    std::vector<size_t> order(out.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::ranges::stable_sort(order, std::greater(),
                             [&](size_t i) { return dealt * weights_[i] % sum_; });
    for (uint64_t i = 0; i < left; ++i)
      ++out[order[i]];
    return out;
  }

  /// The most that any lane gets, relative to its share, times `scale`. The most loaded lane is
  /// what an operation waits for.
  uint64_t overload(const counts& made) const {
    uint64_t most = 0;
    for (size_t i = 0; i < weights_.size(); ++i)
      if (weights_[i] > 0 && made.dedicated[i] > 0)
        most = std::max(most, made.dedicated[i] * scale / made.period * one / share_ * sum_
                                  / weights_[i]);
    if (made.each_colocated > 0)
      most = std::max(most, uint64_t(made.each_colocated) * colocated_ * scale / made.period * one
                                / (one - share_));
    return most;
  }

  std::vector<uint64_t> weights_;
  uint32_t colocated_;
  uint64_t share_; // of the dedicated lanes, in parts of `one`
  uint64_t sum_;
  uint32_t limit_ = 0;
  counts best_;
  uint64_t overload_ = 0;
};

/// The quota method of Balinski and Young: after t places each lane has had its share of them,
/// rounded down or up.
std::vector<uint16_t> spread(const std::vector<uint32_t>& counts, uint32_t period) {
  std::vector<uint16_t> pattern;
  std::vector<uint64_t> had(counts.size());
  for (uint64_t place = 1; place <= period; ++place) {
    std::optional<size_t> chosen;
    for (size_t i = 0; i < counts.size(); ++i) {
      const bool due = had[i] * period < place * counts[i];
      if (due && (!chosen || (had[i] + 1) * counts[*chosen] < (had[*chosen] + 1) * counts[i]))
        chosen = i;
    }
    ++had[*chosen];
    pattern.push_back(static_cast<uint16_t>(*chosen));
  }
  return pattern;
}

uint64_t rounded_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

} // namespace

double time_factor_of(double reducer_share, uint32_t workers, double kappa) {
  const double own = reducer_share + (1 - reducer_share) * ring_factor_of(workers);
  if (reducer_share <= 0) return own;
  return std::max(own, reducer_share * reducers_factor_of(workers, kappa));
}

split best_split(uint32_t workers, double kappa) {
  if (!(kappa > 0)) kappa = 0;
  split out;
  out.reducer_share = best_share(workers, kappa);
  out.time_factor = time_factor_of(out.reducer_share, workers, kappa);
  out.ring_factor = ring_factor_of(workers);
  out.reducers_only_factor = std::max(1.0, reducers_factor_of(workers, kappa));
  if (out.time_factor > 0) {
    out.speedup_over_ring = out.ring_factor / out.time_factor;
    out.speedup_over_reducers_only = out.reducers_only_factor / out.time_factor;
  }
  out.limited_by = workers > 2 && kappa < workers ? bottleneck::reducers : bottleneck::workers;
  return out;
}

uint64_t reducers_for_full_rate(uint32_t workers, double worker_bandwidth,
                                double reducer_bandwidth) {
  if (!(worker_bandwidth > 0) || !(reducer_bandwidth > 0)) return 0;
  // 8 links of 0.1 in units of 0.1 are 8, not 9.
  return static_cast<uint64_t>(
      std::ceil(workers * worker_bandwidth / reducer_bandwidth * (1 - 1e-9)));
}

lane_plan::lane_plan(std::vector<double> dedicated_weights, uint32_t colocated,
                     double reducer_share)
    : lanes_(static_cast<uint32_t>(dedicated_weights.size()) + colocated) {
  auto weights = whole_weights(dedicated_weights);
  bool any_dedicated = std::ranges::any_of(weights, [](uint64_t each) { return each > 0; });
  if (!any_dedicated && colocated == 0) {
    weights.assign(std::max<size_t>(weights.size(), 1), one);
    any_dedicated = true;
  }
  auto share = parts_of(reducer_share, 1);
  if (!any_dedicated) share = 0;
  if (colocated == 0) share = one;

  const auto found = count_search(weights, colocated, share).best();
  auto counts = found.dedicated;
  counts.resize(counts.size() + colocated, found.each_colocated);
  uses_colocated_ = found.each_colocated > 0;
  pattern_ = spread(counts, found.period);
  const auto used = static_cast<double>(counts.size() - std::ranges::count(counts, 0U));
  for (const auto each : counts)
    weights_.push_back(each * used / found.period);

  const size_t period = pattern_.size();
  ahead_.assign(counts.size() * period, none);
  // Backwards twice around: the second time knows what lies past the end.
  for (size_t i = 2 * period; i-- > 0;)
    for (size_t lane = 0; lane < counts.size(); ++lane) {
      auto& here = ahead_[lane * period + i % period];
      const auto after = ahead_[lane * period + (i + 1) % period];
      if (pattern_[i % period] == lane)
        here = 0;
      else if (after != none)
        here = static_cast<uint16_t>(after + 1);
    }
}

uint64_t chunk_bytes_for(uint64_t bytes, uint32_t world_size, uint32_t limit_bytes) {
  using rule = chunk_rule;
  if (bytes <= rule::single_bytes) return std::min<uint64_t>(rule::single_bytes, limit_bytes);
  const auto wanted = bytes / (std::max<uint64_t>(world_size, 1) * rule::lag_divisor);
  return std::min<uint64_t>(std::max(rounded_up(wanted, rule::granularity), rule::min_bytes),
                            limit_bytes);
}

} // namespace troupe::reduction
