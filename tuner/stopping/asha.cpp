// Asynchronous successive halving, the stopping kind (Li et al., 2020; as in Ray Tune). Rungs
// are at minStepCount * reductionFactor^k. A measurement is recorded at the highest rung that it is
// the first of its trial to reach; a trial is stopped if what it recorded at a rung is below the
// (1 - 1/reductionFactor) quantile of what others, however they ended, had recorded there
// before it. The first trial at a rung goes on.
//
// Only earlier records count, so that the answer does not depend on when the rule is asked. Earlier
// means by the clock if both trials' start and elapsed times are known, else in trial order.
#include "tuner/stopping/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::tuner::curves {

namespace {

constexpr double default_reduction = 4;

struct record {
  const curve* of;
  int rung;
  size_t point;

  double score() const { return of->scores[point]; }
  int64_t micros() const { return of->micros[point]; }
};

bool before(const record& a, const record& b) {
  if (a.micros() > 0 && b.micros() > 0 && a.micros() != b.micros()) return a.micros() < b.micros();
  return a.of->trial < b.of->trial;
}

class ladder {
public:
  explicit ladder(wire::AshaAutomatedStoppingSpec::Reader spec)
      : first_(spec.getMinStepCount() > 0 ? static_cast<double>(spec.getMinStepCount()) : 1),
        reduction_(spec.getReductionFactor() > 1 ? spec.getReductionFactor() : default_reduction) {}

  double reduction() const { return reduction_; }
  double place(int rung) const { return first_ * std::pow(reduction_, rung); }

  std::vector<record> records_of(const curve& one) const {
    std::vector<record> found;
    int next = 0;
    for (size_t i = 0; i < one.at.size(); ++i) {
      if (one.at[i] < place(next)) continue;
      while (one.at[i] >= place(next + 1))
        ++next;
      found.push_back({&one, next++, i});
    }
    return found;
  }

private:
  double first_;
  double reduction_;
};

/// Linear between the two nearest ranks.
double quantile_of(std::vector<double> values, double part) {
  std::ranges::sort(values);
  const auto rank = part * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(rank);
  const auto high = std::min(low + 1, values.size() - 1);
  return values[low] + (rank - static_cast<double>(low)) * (values[high] - values[low]);
}

std::vector<double> recorded_before(const std::vector<record>& records, const record& mine) {
  std::vector<double> scores;
  for (const auto& other : records) {
    if (other.rung == mine.rung && other.of != mine.of && before(other, mine))
      scores.push_back(other.score());
  }
  return scores;
}

} // namespace

verdict asha_rule(const curve_set& study, wire::AshaAutomatedStoppingSpec::Reader spec) {
  const ladder rungs(spec);
  std::vector<record> records;
  for (const auto& one : study.all)
    std::ranges::copy(rungs.records_of(one), std::back_inserter(records));
  return [&study, rungs, records](const curve& one) -> std::optional<std::string> {
    for (const auto& mine : rungs.records_of(one)) {
      const auto others = recorded_before(records, mine);
      if (others.empty()) continue;
      const auto cutoff = quantile_of(others, 1 - 1 / rungs.reduction());
      if (!(mine.score() < cutoff)) continue;
      return fmt::format("asynchronous successive halving: its {} at {} (rung {}, at {:.6g}) is "
                         "worse than {:.6g}, the best 1/{:.6g} of {} trials that were there before",
                         study.value_text(mine.score()), study.place_text(one.at[mine.point]),
                         mine.rung, rungs.place(mine.rung), study.sign * cutoff + 0.0,
                         rungs.reduction(), others.size());
    }
    return std::nullopt;
  };
}

} // namespace troupe::tuner::curves
