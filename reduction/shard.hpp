// One thread's share of a reducer: gathers the ranks' contributions to each chunk, combines them in
// rank order when the last one is there, and hands the result on. Chunks never cross shards, so a
// shard needs no locks; it does no I/O, and everything it holds comes from a bounded pool.
//
// The bound: a worker has at most `slots` chunks under way, so chunks that still gather lie within
// one window of `slots` sequence numbers, and results that are not sent yet within two.
#pragma once

#include "reduction/protocol.hpp"
#include "reduction/socket.hpp"
#include "reduction/types.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace troupe::reduction {

/// Equal buffers, aligned for vector code, made on demand up to a limit and kept for the next user.
class buffer_pool : public std::enable_shared_from_this<buffer_pool> {
public:
  using buffer = std::shared_ptr<std::byte>;

  buffer_pool(size_t buffer_bytes, size_t limit) : buffer_bytes_(buffer_bytes), limit_(limit) {}
  /// Nothing when the limit is reached.
  buffer take();
  /// The most bytes that were ever held.
  size_t peak_bytes() const { return made_ * buffer_bytes_; }

private:
  struct freed {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  size_t buffer_bytes_;
  size_t limit_;
  size_t made_ = 0;
  std::vector<std::unique_ptr<std::byte, freed>> free_;
};

struct shard_options {
  uint32_t world_size = 1;
  uint32_t chunk_bytes = 256 * 1024;
  uint32_t slots = 16;
};

/// A chunk that has waited for some ranks.
struct waiting_chunk {
  uint64_t operation = 0;
  time_point since;
  std::vector<uint32_t> missing;
};

class shard {
public:
  struct outcome {
    chunk_header
        header; // as the contributions had it; rank and secret are for the sender to fill in
    buffer_pool::buffer buffer; // goes back to the pool when the last copy of this pointer goes
    size_t length = 0;          // bytes
  };
  using emit = std::function<void(const outcome&)>;

  shard(const shard_options& options, emit on_result);

  /// Takes one contribution of `header.rank` (which the caller has checked to be below the world
  /// size). Errors: failed_precondition where ranks disagree about an operation, naming both;
  /// invalid_argument for a header that breaks the protocol, naming the rank.
  result<> contribute(const chunk_header& header, byte_span payload, time_point now);

  /// The oldest chunk that still gathers.
  std::optional<waiting_chunk> oldest_waiting() const;
  size_t peak_bytes() const { return pool_->peak_bytes(); }

private:
  struct slot {
    bool gathering = false;
    chunk_header header; // of the first to arrive
    time_point since;
    uint32_t arrived = 0;
    std::vector<buffer_pool::buffer> parts; // by rank
  };
  result<> check_form(const chunk_header& header, size_t length) const;
  void complete(slot& full, size_t length);

  shard_options options_;
  emit on_result_;
  std::shared_ptr<buffer_pool> pool_;
  std::vector<slot> window_;            // sequence number modulo slots
  std::vector<uint64_t> next_sequence_; // by rank
};

/// Elements in a chunk of an array of `type`.
constexpr uint64_t chunk_elements(uint32_t chunk_bytes, dtype type) {
  return chunk_bytes / size_of(type);
}
/// Chunks that an operation is cut into; an empty array has one, so that ranks still meet.
constexpr uint64_t chunk_total(uint64_t count, uint64_t elements_per_chunk) {
  return count == 0 ? 1 : (count - 1) / elements_per_chunk + 1;
}

} // namespace troupe::reduction
