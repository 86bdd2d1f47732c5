#include "core/measurements.hpp"

#include "core/study/objective.hpp"
#include "core/trial_records.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::core {

namespace {

bool holds(const measurement& m, std::string_view metric) {
  return std::ranges::any_of(m.metrics, [&](const auto& one) { return one.first == metric; });
}

std::optional<wire::MetricSpec::Reader> first_objective(wire::StudySpec::Reader study) {
  for (auto metric : study.getMetrics())
    if (!metric.hasSafetyConfig()) return metric;
  return std::nullopt;
}

std::optional<size_t> best_point(const std::vector<metric_point>& points,
                                 wire::MetricSpec::Reader metric) {
  std::optional<size_t> best;
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].tag != wire::view(metric.getMetricId()) || !std::isfinite(points[i].value))
      continue;
    if (!best || is_better(metric.getGoal(), points[i].value, points[*best].value)) best = i;
  }
  return best;
}

/// The best point and, of each other metric, the nearest point of the same step: together they are
/// the best measurement.
std::vector<bool> to_be_kept(const std::vector<metric_point>& points,
                             wire::StudySpec::Reader study) {
  std::vector<bool> kept(points.size());
  const auto objective = first_objective(study);
  if (!objective) return kept;
  const auto best = best_point(points, *objective);
  if (!best) return kept;
  kept[*best] = true;
  for (auto metric : study.getMetrics()) {
    std::optional<size_t> nearest;
    const auto distance = [&](size_t i) { return i > *best ? i - *best : *best - i; };
    for (size_t i = 0; i < points.size(); ++i)
      if (points[i].step == points[*best].step && points[i].tag == wire::view(metric.getMetricId())
          && (!nearest || distance(i) < distance(*nearest)))
        nearest = i;
    if (nearest) kept[*nearest] = true;
  }
  return kept;
}

} // namespace

std::vector<measurement> measurements_of(std::span<const metric_point> points, int64_t start_micros,
                                         non_finite wild) {
  std::vector<const metric_point*> order;
  for (const metric_point& point : points)
    if (wild == non_finite::kept || std::isfinite(point.value)) order.push_back(&point);
  std::ranges::stable_sort(
      order, {}, [](const metric_point* p) { return std::pair(p->step, p->timestamp_micros); });
  std::vector<measurement> all;
  int64_t least = 0; // of the elapsed time, for the order to be strict
  for (const metric_point* point : order) {
    if (all.empty() || all.back().step != point->step || holds(all.back(), point->tag)) {
      least = !all.empty() && all.back().step == point->step ? all.back().elapsed_micros + 1 : 0;
      all.push_back({least, point->step, {}});
    }
    all.back().metrics.emplace_back(point->tag, point->value);
    all.back().elapsed_micros = std::max(least, point->timestamp_micros - start_micros);
  }
  return all;
}

std::optional<measurement> final_of(std::span<const measurement> all,
                                    wire::StudySpec::Reader study) {
  auto list = wire::frame<wire::Trial>::build([&](wire::Trial::Builder builder) {
    auto into = builder.initMeasurements(static_cast<uint32_t>(all.size()));
    for (uint32_t i = 0; i < into.size(); ++i)
      set_measurement(into[i], all[i]);
  });
  const auto chosen = select_measurement(study, list->getMeasurements());
  if (!chosen) return std::nullopt;
  return all[*chosen];
}

void trim(std::vector<metric_point>& points, size_t most, wire::StudySpec::Reader study) {
  if (points.size() <= most) return;
  const std::vector<bool> precious = to_be_kept(points, study);
  size_t surplus = points.size() - most;
  std::vector<metric_point> kept;
  for (size_t i = 0; i < points.size(); ++i)
    if (surplus > 0 && !precious[i])
      --surplus;
    else
      kept.push_back(std::move(points[i]));
  points = std::move(kept);
}

} // namespace troupe::core
