#include "core/measurements.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::core {

namespace {

bool minimised(wire::StudySpec::Reader study) {
  return study.getMetrics().size() > 0
         && study.getMetrics()[0].getGoal() == wire::MetricSpec::GoalType::MINIMIZE;
}

std::string_view objective(wire::StudySpec::Reader study) {
  return study.getMetrics().size() > 0 ? wire::view(study.getMetrics()[0].getMetricId()) : "";
}

const double* value_of(const measurement& m, std::string_view metric) {
  for (const auto& [name, value] : m.metrics)
    if (name == metric) return &value;
  return nullptr;
}

} // namespace

std::vector<measurement> measurements_of(std::span<const metric_point> points,
                                         int64_t start_micros) {
  std::vector<const metric_point*> order;
  for (const metric_point& point : points)
    if (std::isfinite(point.value)) order.push_back(&point);
  std::ranges::stable_sort(
      order, {}, [](const metric_point* p) { return std::pair(p->step, p->timestamp_micros); });
  std::vector<measurement> all;
  for (const metric_point* point : order) {
    if (all.empty() || all.back().step != point->step || value_of(all.back(), point->tag))
      all.push_back({0, point->step, {}});
    all.back().metrics.emplace_back(point->tag, point->value);
    all.back().elapsed_micros = std::max<int64_t>(0, point->timestamp_micros - start_micros);
  }
  return all;
}

std::optional<measurement> final_of(std::span<const measurement> all,
                                    wire::StudySpec::Reader study) {
  std::string_view metric = objective(study);
  bool best = study.getMeasurementSelectionType()
              == wire::StudySpec::MeasurementSelectionType::BEST_MEASUREMENT;
  const measurement* chosen = nullptr;
  double chosen_value = 0;
  for (const measurement& m : all) {
    const double* value = value_of(m, metric);
    if (!value) continue;
    bool better = minimised(study) ? *value < chosen_value : *value > chosen_value;
    if (!chosen || !best || better) chosen = &m, chosen_value = *value;
  }
  if (!chosen) return std::nullopt;
  return *chosen;
}

void trim(std::vector<metric_point>& points, size_t most, wire::StudySpec::Reader study) {
  if (points.size() <= most) return;
  std::string_view metric = objective(study);
  std::optional<size_t> best;
  for (size_t i = 0; i < points.size(); ++i) {
    const metric_point& point = points[i];
    if (point.tag != metric || !std::isfinite(point.value)) continue;
    if (!best
        || (minimised(study) ? point.value < points[*best].value
                             : point.value > points[*best].value))
      best = i;
  }
  size_t surplus = points.size() - most;
  std::vector<metric_point> kept;
  for (size_t i = 0; i < points.size(); ++i)
    if (surplus > 0 && i != best)
      --surplus;
    else
      kept.push_back(std::move(points[i]));
  points = std::move(kept);
}

} // namespace troupe::core
