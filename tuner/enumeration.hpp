// The points of a search space in a fixed order, without listing them: how many there are, which is
// the n-th, and which number a point has. The order is that of nested loops over the parameters,
// the first one outermost; under every value of a parent the loops of its active children are
// inside. A continuum counts as one point, its middle; a pinned parameter as its one value.
#pragma once

#include "tuner/space.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace troupe::tuner {

class enumeration {
public:
  static constexpr uint64_t size_max = UINT64_MAX;

  explicit enumeration(const search_space& space);

  /// The number of points. size_max means that many or more; rank_of() is not valid then.
  uint64_t size() const { return size_; }

  /// The point number `rank`, from 0, below size().
  row at(uint64_t rank) const;

  /// The inverse of at(), for a finite space.
  uint64_t rank_of(const row& point) const;

private:
  /// A value of a parameter that some child depends on, and the number of points below it.
  struct branch {
    uint64_t level;
    std::vector<size_t> children;
    uint64_t size;
  };
  struct node {
    std::vector<branch> branches; // by level
    uint64_t size = 0;
  };

  node counted(size_t parameter) const;
  uint64_t product(std::span<const size_t> parameters) const;
  void place(std::span<const size_t> parameters, uint64_t rank, row& point) const;
  void place(size_t parameter, uint64_t rank, row& point) const;
  uint64_t rank_below(std::span<const size_t> parameters, const row& point) const;
  uint64_t rank_below(size_t parameter, const row& point) const;

  const search_space& space_;
  std::vector<node> nodes_;
  uint64_t size_ = 0;
};

} // namespace troupe::tuner
