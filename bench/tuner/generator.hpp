// SplitMix64, as the public tasks define it.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace troupe::bench {

class generator {
public:
  explicit generator(uint64_t seed) : state_(seed) {}

  double unit() {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-53;
  }

  double between(double low, double high) { return low + (high - low) * unit(); }

  double normal() {
    const auto radius = std::sqrt(-2 * std::log(1 - unit()));
    return radius * std::cos(2 * std::numbers::pi * unit());
  }

private:
  uint64_t state_;
};

} // namespace troupe::bench
