#include "tuner/halton.hpp"

#include "tuner/random_stream.hpp"

#include <algorithm>

namespace troupe::tuner {

namespace {

constexpr double resolution = 0x1p-53;

std::vector<uint32_t> first_primes(size_t count) {
  std::vector<uint32_t> primes;
  for (uint32_t candidate = 2; primes.size() < count; ++candidate) {
    const bool prime = std::ranges::none_of(primes, [&](uint32_t p) { return candidate % p == 0; });
    if (prime) primes.push_back(candidate);
  }
  return primes;
}

} // namespace

halton::halton(size_t dimensions, uint64_t seed) : primes_(first_primes(dimensions)), seed_(seed) {}

double halton::at(uint64_t index, size_t dimension) const {
  const uint64_t base = primes_[dimension];
  random_stream scramble(seed_, dimension + 1);
  double weight = 1.0 / static_cast<double>(base);
  double sum = 0;
  // After the index's own digits come zeros, which are scrambled like the others.
  for (; weight > resolution; weight /= static_cast<double>(base)) {
    const auto a = 1 + scramble.below(base - 1);
    const auto c = scramble.below(base);
    sum += weight * static_cast<double>((a * (index % base) + c) % base);
    index /= base;
  }
  return std::min(sum, 1 - resolution);
}

} // namespace troupe::tuner
