#include "tuner/enumeration.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <ranges>

namespace troupe::tuner {

namespace {

uint64_t plus(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? enumeration::size_max : sum;
}

uint64_t times(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? enumeration::size_max : product;
}

uint64_t levels(const parameter& p) { return std::max<uint64_t>(1, p.levels()); }

double middle(const parameter& p, uint64_t level) {
  return p.levels() == 0 ? p.nearest_at(0.5) : p.coordinate_at(level);
}

} // namespace

enumeration::enumeration(const search_space& space)
    : space_(space), nodes_(space.parameters().size()) {
  // Children come after their parents in the list, so counting from its end counts them first.
  for (size_t i = nodes_.size(); i-- > 0;)
    nodes_[i] = counted(i);
  size_ = product(space_.roots());
}

enumeration::node enumeration::counted(size_t parameter) const {
  const auto& p = space_.parameters()[parameter];
  std::map<uint64_t, std::vector<size_t>> by_level;
  for (auto child : p.children) {
    for (auto level : space_.parameters()[child].parent_levels)
      by_level[level].push_back(child);
  }
  node made;
  if (space_.is_pinned(parameter)) {
    const auto level = p.level_of(space_.pinned(parameter));
    const auto& children = by_level[level];
    made.size = product(children);
    made.branches.push_back({level, children, made.size});
    return made;
  }
  made.size = levels(p) - by_level.size();
  for (auto& [level, children] : by_level) {
    const auto size = product(children);
    made.size = plus(made.size, size);
    made.branches.push_back({level, std::move(children), size});
  }
  return made;
}

uint64_t enumeration::product(std::span<const size_t> parameters) const {
  uint64_t total = 1;
  for (auto i : parameters)
    total = times(total, nodes_[i].size);
  return total;
}

row enumeration::at(uint64_t rank) const {
  row point(nodes_.size(), std::numeric_limits<double>::quiet_NaN());
  place(space_.roots(), rank, point);
  return point;
}

void enumeration::place(std::span<const size_t> parameters, uint64_t rank, row& point) const {
  for (auto i : parameters | std::views::reverse) {
    place(i, rank % nodes_[i].size, point);
    rank /= nodes_[i].size;
  }
}

void enumeration::place(size_t parameter, uint64_t rank, row& point) const {
  const auto& p = space_.parameters()[parameter];
  if (space_.is_pinned(parameter)) {
    point[parameter] = space_.pinned(parameter);
    return place(nodes_[parameter].branches.front().children, rank, point);
  }
  uint64_t level = 0;
  for (const auto& branch : nodes_[parameter].branches) {
    const auto plain = branch.level - level;
    if (rank < plain) break;
    rank -= plain;
    level = branch.level;
    if (rank < branch.size) {
      point[parameter] = middle(p, level);
      return place(branch.children, rank, point);
    }
    rank -= branch.size;
    ++level;
  }
  point[parameter] = middle(p, level + rank);
}

uint64_t enumeration::rank_of(const row& point) const { return rank_below(space_.roots(), point); }

uint64_t enumeration::rank_below(std::span<const size_t> parameters, const row& point) const {
  uint64_t rank = 0;
  for (auto i : parameters)
    rank = rank * nodes_[i].size + rank_below(i, point);
  return rank;
}

uint64_t enumeration::rank_below(size_t parameter, const row& point) const {
  if (space_.is_pinned(parameter))
    return rank_below(nodes_[parameter].branches.front().children, point);
  const auto here = space_.parameters()[parameter].level_of(point[parameter]);
  uint64_t rank = here;
  for (const auto& branch : nodes_[parameter].branches) {
    if (branch.level > here) break;
    if (branch.level == here) return rank + rank_below(branch.children, point);
    rank += branch.size - 1;
  }
  return rank;
}

} // namespace troupe::tuner
