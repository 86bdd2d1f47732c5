#include "core/studies/measurements.hpp"

#include "core/state/trial_records.hpp"
#include "tuner/objective.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::core {

namespace {

bool holds(const measurement& m, std::string_view metric) {
  return std::ranges::any_of(m.metrics, [&](const auto& one) { return one.first == metric; });
}

} // namespace

std::vector<measurement> measurements_of(std::span<const wire::metric_point> points,
                                         int64_t start_micros, non_finite wild) {
  std::vector<const wire::metric_point*> order;
  for (const wire::metric_point& point : points)
    if (wild == non_finite::kept || std::isfinite(point.value)) order.push_back(&point);
  std::ranges::stable_sort(order, {}, [](const wire::metric_point* p) {
    return std::pair(p->step, p->timestamp_micros);
  });
  std::vector<measurement> all;
  int64_t least = 0; // of the elapsed time, for the order to be strict
  for (const wire::metric_point* point : order) {
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
  const auto chosen = tuner::select_measurement(study, list->getMeasurements());
  if (!chosen) return std::nullopt;
  return all[*chosen];
}

namespace {

/// The points of the measurement that speaks for the trial.
std::vector<bool> to_be_kept(const std::vector<wire::metric_point>& points,
                             wire::StudySpec::Reader study) {
  std::vector<bool> kept(points.size());
  const auto final = final_of(measurements_of(points, 0, non_finite::kept), study);
  if (!final) return kept;
  for (size_t i = 0; i < points.size(); ++i)
    kept[i] = points[i].step == final->step
              && std::ranges::find(final->metrics, std::pair(points[i].tag, points[i].value))
                     != final->metrics.end();
  return kept;
}

} // namespace

void trim(std::vector<wire::metric_point>& points, size_t most, wire::StudySpec::Reader study) {
  if (points.size() <= most) return;
  const std::vector<bool> precious = to_be_kept(points, study);
  size_t surplus = points.size() - most;
  std::vector<wire::metric_point> kept;
  for (size_t i = 0; i < points.size(); ++i)
    if (surplus > 0 && !precious[i])
      --surplus;
    else
      kept.push_back(std::move(points[i]));
  points = std::move(kept);
}

} // namespace troupe::core
