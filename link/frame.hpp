// What one end of a link sends to the other: a header of two numbers and a payload, which is passed
// on as it is. A link knows nothing of what they mean.
#pragma once

#include "base/shared_bytes.hpp"

#include <cstdint>

namespace troupe::link {

struct frame {
  /// Tells the receiver how to read the payload.
  uint16_t kind = 0;
  /// A request and its answer carry the same number; 0: neither.
  uint64_t correlation = 0;
  shared_bytes payload;
};

/// What a frame costs while it waits: empty frames are not free.
inline constexpr size_t frame_overhead_bytes = 64;
inline size_t cost_of(const frame& frame) { return frame.payload.size() + frame_overhead_bytes; }

} // namespace troupe::link
