// Random numbers that are the same on every machine and in every release: the standard library's
// distributions promise neither, and a study must be replayable from its seed alone. The generator
// is SplitMix64 (Steele, Lea and Flood, 2014).
#pragma once

#include <cstdint>

namespace troupe::tuner {

class random_stream {
public:
  /// Streams with different keys are independent.
  random_stream(uint64_t seed, uint64_t key) : state_(seed) {
    state_ = next() ^ (key * 0xd1342543de82ef95);
    state_ = next();
  }

  uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// In [0, 1), all 53 bits of it.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// In [0, bound); bound above 0. The bias is below bound / 2^64.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

private:
  uint64_t state_;
};

} // namespace troupe::tuner
