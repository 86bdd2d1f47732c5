// One stream of chunks at the side that combines them: gathers the ranks' contributions to each
// chunk, combines them in rank order when the last one has arrived, and returns the outcome.
// Streams know nothing of each other, so a shard needs no locks; it does no I/O, and everything it
// holds comes from a bounded pool.
//
// The bound: a rank has at most `slots` chunks under way in a stream, so chunks that still gather
// lie within one window of `slots` sequence numbers, and results that are not sent yet within two.
#pragma once

#include "reduction/control/protocol.hpp"
#include "reduction/control/socket.hpp"
#include "reduction/reducer/buffer_pool.hpp"

#include <optional>

namespace troupe::reduction {

struct shard_options {
  uint32_t slots = 16;
  uint32_t first_sequence = 0;
  std::vector<uint32_t> members; // the job's ranks, in the order of the group's
};

/// A chunk that has waited for some ranks.
struct waiting_chunk {
  shape form;
  uint32_t operation = 0;
  time_point since;
  std::vector<uint32_t> missing; // the job's ranks
};

class shard {
public:
  struct outcome {
    chunk_header header; // as the contributions had it
    shape form;
    buffer_pool::buffer buffer;
    /// The part of the result that the group's rank `member` receives.
    byte_span payload_for(uint32_t member, uint32_t members) const;
  };

  /// `pool` gives buffers of at least a chunk, and outlives the shard.
  shard(shard_options options, buffer_pool& pool);

  /// Takes the contribution of the group's rank `member`; the outcome where it was the last one.
  /// The payload may lie at any address. Errors: failed_precondition where ranks disagree about an
  /// operation, naming both; invalid_argument for a header that breaks the protocol, naming the
  /// rank.
  result<std::optional<outcome>> contribute(const chunk_header& header, uint32_t member,
                                            byte_span payload, time_point now);

  /// The oldest chunk that still gathers.
  std::optional<waiting_chunk> oldest_waiting() const;
  const shard_options& options() const { return options_; }

private:
  struct slot {
    bool gathering = false;
    chunk_header header; // of the first to arrive
    shape form;
    time_point since;
    uint32_t first_member = 0;
    uint32_t arrived = 0;
    std::vector<bool> here;                 // by member
    std::vector<buffer_pool::buffer> parts; // by member; none where nothing was sent
  };
  result<> check_form(const chunk_header& header, const shape& form, uint32_t member,
                      size_t length) const;
  outcome complete(slot& full, uint32_t last, byte_span last_payload);
  uint32_t members() const { return static_cast<uint32_t>(options_.members.size()); }

  shard_options options_;
  buffer_pool& pool_;
  std::vector<slot> window_;            // sequence number modulo slots
  std::vector<uint32_t> next_sequence_; // by member
  std::vector<const void*> inputs_;
};

} // namespace troupe::reduction
