#include "tuner/branches.hpp"

#include <algorithm>

namespace troupe::tuner {

namespace {

constexpr uint64_t levels_max = 32; // with more levels, most are never tried
constexpr double at_least = 2;
constexpr double for_each_parameter = 5;

/// The parameters below `parameter` at this level, at any depth.
size_t parameters_below(const search_space& space, size_t parameter, uint64_t level) {
  size_t count = 0;
  for (auto child : space.parameters()[parameter].children) {
    const auto& p = space.parameters()[child];
    if (!std::ranges::binary_search(p.parent_levels, level)) continue;
    ++count;
    uint64_t most = 0;
    for (uint64_t below = 0; below < std::min(p.levels(), levels_max); ++below)
      most = std::max(most, uint64_t{parameters_below(space, child, below)});
    count += most;
  }
  return count;
}

} // namespace

std::optional<search_space> neglected_branch(const search_space& space,
                                             std::span<const std::optional<row>> tried,
                                             std::span<const row> chosen) {
  std::optional<search_space> found;
  double least = 1; // part of the trials that a branch should have
  for (size_t i = 0; i < space.parameters().size(); ++i) {
    const auto& p = space.parameters()[i];
    if (p.children.empty() || p.levels() == 0 || p.levels() > levels_max || !space.is_free(i))
      continue;
    for (uint64_t level = 0; level < p.levels(); ++level) {
      const auto at = p.coordinate_at(level);
      const auto trials =
          std::ranges::count_if(tried, [&](const auto& one) { return one && (*one)[i] == at; })
          + std::ranges::count_if(chosen, [&](const row& one) { return one[i] == at; });
      const auto due =
          at_least + for_each_parameter * static_cast<double>(parameters_below(space, i, level));
      const auto part = static_cast<double>(trials) / due;
      if (!(part < least)) continue;
      least = part;
      found = space.pinned_at(i, at);
    }
  }
  return found;
}

} // namespace troupe::tuner
