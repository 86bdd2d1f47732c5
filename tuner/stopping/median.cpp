// The median rule of Vertex AI: a trial is stopped if the best it has measured is strictly worse
// than the median, over the completed trials, of the mean of what they had measured when they were
// as far as it is now.
//
// Stopped trials count as completed, as their state is SUCCEEDED: leaving them out would raise the
// median with every trial that it stops. Trials that started late, and so had measured nothing yet
// at that place, have no mean.
#include "tuner/stopping/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace troupe::tuner::curves {

namespace {

// Vertex AI states no least number; a median of one or two trials would not describe a study.
constexpr size_t completed_min = 3;

std::vector<double> means_until(const curve_set& study, double place) {
  std::vector<double> means;
  for (const auto& one : study.all) {
    if (one.phase != phase::finished && one.phase != phase::stopped) continue;
    const auto count = one.count_until(place);
    if (count == 0) continue;
    const auto end = one.scores.begin() + static_cast<std::ptrdiff_t>(count);
    means.push_back(std::accumulate(one.scores.begin(), end, 0.0) / static_cast<double>(count));
  }
  return means;
}

} // namespace

verdict median_rule(const curve_set& study) {
  return [&study](const curve& one) -> std::optional<std::string> {
    const auto means = means_until(study, one.last());
    if (means.size() < completed_min) return std::nullopt;
    const auto best = *std::ranges::max_element(one.scores);
    const auto median = median_of(means);
    if (!(best < median)) return std::nullopt;
    return fmt::format("median rule: at {} its best {} is worse than {:.6g}, the median of the "
                       "running averages of {} completed trials",
                       study.place_text(one.last()), study.value_text(best),
                       study.sign * median + 0.0, means.size());
  };
}

} // namespace troupe::tuner::curves
