#include "core/study/gp/encoding.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::core::gp {

encoding::encoding(const search_space& space) : space_(space) {
  for (const auto& p : space.parameters()) {
    axes_.push_back(p.type == parameter_type::categorical ? axis::category : axis::number);
    levels_.push_back(p.levels());
    conditional_ = conditional_ || p.parent;
  }
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

vector encoding::active_part(const vector& full) const {
  return conditional_ ? of(row_of(full)) : full;
}

row encoding::row_of(const vector& full) const {
  return space_.filled([&](size_t i) {
    const auto k = static_cast<Eigen::Index>(i);
    return coordinate(k, full[k]);
  });
}

vector encoding::of(const row& point) const {
  vector made(dimensions());
  for (Eigen::Index k = 0; k < made.size(); ++k) {
    const auto i = static_cast<size_t>(k);
    made[k] = axes_[i] == axis::category || std::isnan(point[i])
                  ? point[i]
                  : space_.parameters()[i].unit_of(point[i]);
  }
  return made;
}

} // namespace troupe::core::gp
