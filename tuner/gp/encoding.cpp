#include "tuner/gp/encoding.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::tuner::gp {

namespace {

// Of two values nothing lies between; many are as good as a continuum.
constexpr uint64_t levels_min_listed = 3;
constexpr uint64_t levels_max_listed = 8;

} // namespace

encoding::encoding(const search_space& space, bool studies) : space_(space), studies_(studies) {
  for (const auto& p : space.parameters()) {
    axes_.push_back(p.type == parameter_type::categorical ? axis::category : axis::number);
    levels_.push_back(p.levels());
    conditional_ = conditional_ || p.parent;
  }
  for (Eigen::Index k = 0; k < dimensions(); ++k) {
    const auto levels = levels_[static_cast<size_t>(k)];
    if (!is_category(k) && levels >= levels_min_listed && levels <= levels_max_listed) {
      listed_.push_back(k);
      axes_.push_back(axis::category);
    }
  }
  if (studies_) axes_.push_back(axis::category);
}

vector encoding::pinned(vector full) const {
  for (Eigen::Index k = 0; k < full.size(); ++k) {
    if (is_pinned(k)) full[k] = feature(k, space_.pinned(static_cast<size_t>(k)));
  }
  return full;
}

double encoding::coordinate(Eigen::Index k, double value) const {
  const auto i = static_cast<size_t>(k);
  return axes_[i] == axis::category ? value : space_.parameters()[i].nearest_at(value);
}

double encoding::snapped(Eigen::Index k, double value) const {
  const auto i = static_cast<size_t>(k);
  if (axes_[i] == axis::category) return value;
  if (levels_[i] == 0) return std::clamp(value, 0.0, 1.0);
  const auto& p = space_.parameters()[i];
  return p.unit_of(p.nearest_at(value));
}

double encoding::at_level(Eigen::Index k, uint64_t level) const {
  const auto i = static_cast<size_t>(k);
  if (axes_[i] == axis::category) return static_cast<double>(level);
  const auto& p = space_.parameters()[i];
  return p.unit_of(p.coordinate_at(level));
}

uint64_t encoding::level_of(Eigen::Index k, double value) const {
  const auto i = static_cast<size_t>(k);
  return space_.parameters()[i].level_of(coordinate(k, value));
}

double encoding::drawn(Eigen::Index k, double unit) const {
  const auto i = static_cast<size_t>(k);
  const auto& p = space_.parameters()[i];
  if (axes_[i] == axis::category) return p.drawn_at(unit);
  return levels_[i] == 0 ? unit : p.unit_of(p.drawn_at(unit));
}

row encoding::row_of(const vector& full) const {
  return space_.filled([&](size_t i) {
    const auto k = static_cast<Eigen::Index>(i);
    return coordinate(k, full[k]);
  });
}

vector encoding::features_of(const vector& full) const {
  if (conditional_) return features_of(row_of(full));
  vector made(static_cast<Eigen::Index>(axes_.size()));
  made.head(full.size()) = full;
  auto next = full.size();
  for (auto k : listed_)
    made[next++] = static_cast<double>(level_of(k, full[k]));
  if (studies_) made[next] = 0;
  return made;
}

vector encoding::features_of(const row& point, int study) const {
  vector made(static_cast<Eigen::Index>(axes_.size()));
  for (Eigen::Index k = 0; k < dimensions(); ++k)
    made[k] = feature(k, point[static_cast<size_t>(k)]);
  auto next = dimensions();
  for (auto k : listed_) {
    const auto i = static_cast<size_t>(k);
    made[next++] = std::isnan(point[i])
                       ? point[i]
                       : static_cast<double>(space_.parameters()[i].level_of(point[i]));
  }
  if (studies_) made[next] = study;
  return made;
}

vector encoding::full_of(const row& point) const {
  vector made(dimensions());
  for (Eigen::Index k = 0; k < made.size(); ++k) {
    const auto value = feature(k, point[static_cast<size_t>(k)]);
    made[k] = std::isnan(value) ? drawn(k, 0.5) : value;
  }
  return made;
}

double encoding::feature(Eigen::Index k, double coordinate) const {
  const auto i = static_cast<size_t>(k);
  if (axes_[i] == axis::category || std::isnan(coordinate)) return coordinate;
  return space_.parameters()[i].unit_of(coordinate);
}

} // namespace troupe::tuner::gp
