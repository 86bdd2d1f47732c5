// How many chunks of a stream to have under way. Too few leave the links idle between a chunk and
// its result; too many pile up in the switch in front of the reducer, which all ranks send to at
// once, and packets that do not fit there are lost and sent again after a while.
//
// As TCP Vegas does (Brakmo and Peterson 1995): with w chunks under way and a round trip that takes
// `now` instead of the `best` one seen, about w * (1 - best / now) of them wait in some queue.
// While hardly any wait, the window grows; when one more chunk only waited, it shrinks by one and
// stays so for a while. So it settles where the links are busy, whatever their bandwidth and
// length. Two is the least: one chunk that is gathered while another's result comes back.
#pragma once

#include <algorithm>
#include <cstdint>

namespace troupe::reduction {

class pace {
public:
  static constexpr uint32_t least = 2;

  explicit pace(uint32_t most = least) : most_(std::max(most, 1U)) {}

  /// At least `least_now` (2 or more) where that is within the limit.
  uint32_t window(uint32_t least_now = least) const {
    return std::min(std::max(window_, least_now), most_);
  }

  /// A chunk's result came `took_s` after the chunk was sent; `full` where as many were under way
  /// as may be. Chunks of another size have another best time.
  void on_result(double took_s, uint32_t chunk_bytes, bool full) {
    if (chunk_bytes != chunk_bytes_) {
      chunk_bytes_ = chunk_bytes;
      best_ = took_s;
    }
    best_ = std::min(best_, took_s);
    latest_ = std::min(latest_, took_s);
    if (++results_ < window_) return;
    // Judged once for each window of results, by the quickest: a result that waited for a late rank
    // shows nothing about the network.
    const auto waiting = window_ * (1 - best_ / std::max(latest_, 1e-9));
    if (waiting > 0.6 && window_ > least) {
      --window_;
      patience_ = windows_before_another_try;
    } else if (patience_ > 0) {
      --patience_;
    } else if (waiting < 0.25 && full) {
      window_ = std::min(window_ + 1, most_);
    }
    results_ = 0;
    latest_ = far;
  }

private:
  static constexpr double far = 1e9;
  static constexpr uint32_t windows_before_another_try = 256;

  uint32_t most_;
  uint32_t window_ = least;
  uint32_t results_ = 0;
  uint32_t patience_ = 0;
  uint32_t chunk_bytes_ = 0;
  double best_ = far;   // seconds
  double latest_ = far; // the best of this window's worth
};

} // namespace troupe::reduction
