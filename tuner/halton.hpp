// The scrambled Halton sequence: points that fill a cube more evenly than random ones do.
// Coordinate d of point n is n's digits in the d-th prime, mirrored at the point. In high
// dimensions the plain sequence puts its early points on lines; so every digit goes through its own
// random linear permutation a*x + c modulo the prime (Matousek's scrambling).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::tuner {

class halton {
public:
  halton(size_t dimensions, uint64_t seed);

  /// Coordinate `dimension` of point `index`, in [0, 1).
  double at(uint64_t index, size_t dimension) const;

private:
  std::vector<uint32_t> primes_;
  uint64_t seed_;
};

} // namespace troupe::tuner
