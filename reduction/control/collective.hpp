// The collectives as the tier sees them: an operation is cut into chunks, each chunk is gathered by
// one shard, and every rank sends something (maybe nothing) to each chunk and gets something (maybe
// nothing) back. So one mechanism serves all collectives, and every chunk is a meeting of all
// ranks.
//
// An all-reduce's chunk is a run of the array. The arrays of reduce-scatter and all-gather consist
// of one block per rank; their chunks do not cross blocks, and go round the blocks in turn, so that
// all ranks are busy at any time.
#pragma once

#include "reduction/kernels/types.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace troupe::reduction {

enum class collective : uint8_t { allreduce, reduce_scatter, allgather, broadcast, barrier, leave };
inline constexpr unsigned collective_count = 6;

constexpr std::string_view name_of(collective kind) {
  constexpr std::string_view names[] = {"all-reduce", "reduce-scatter", "all-gather",
                                        "broadcast",  "barrier",        "finalize"};
  return names[static_cast<uint8_t>(kind)];
}

/// How a chunk is carried out. After the loss of a reducer some ranks have a chunk's result and
/// others do not: then one that has it passes it on (`copy`), or there is nothing to pass on
/// (`empty`).
enum class passing : uint8_t { normal, copy, empty };
inline constexpr unsigned passing_count = 3;

/// The facts of an operation that all ranks must agree on.
struct shape {
  collective kind = collective::barrier;
  passing mode = passing::normal;
  dtype type = dtype::uint8; // as it travels
  reduce_op op = reduce_op::sum;
  uint32_t root = 0;        // of a broadcast, and of a copy
  uint64_t count = 0;       // elements: of the array, or of one rank's block
  uint32_t chunk_bytes = 0; // a chunk's limit
  bool operator==(const shape&) const = default;

  constexpr bool reduces() const {
    return mode == passing::normal
           && (kind == collective::allreduce || kind == collective::reduce_scatter);
  }
  constexpr bool has_blocks() const {
    return kind == collective::reduce_scatter || kind == collective::allgather;
  }
  constexpr uint64_t chunk_elements() const { return chunk_bytes / size_of(type); }
};

struct element_range {
  uint64_t start = 0;
  uint64_t count = 0;
};

/// One rank's part in one chunk: the elements of its input that it sends, and those of its output
/// that it receives.
struct piece {
  element_range sent;
  element_range received;
};

/// How long the chunks of an operation are. A chunk's result goes out when all of its contributions
/// are in, so an operation ends about one chunk's time per worker after its last byte was sent (a
/// lane takes the n contributions of a chunk one after another): n * c / S of the operation's own
/// time. Each chunk costs a header of about 64 bytes and 5 to 15 us of CPU, whatever its size.
struct chunk_rule {
  static constexpr uint64_t lag_divisor = 256; // c = S / (n * 256): the lag is below half a percent
  static constexpr uint64_t granularity = 1024;
  static constexpr uint64_t min_bytes = 8 * 1024;     // 64 bytes of header are 0.8% of it
  static constexpr uint64_t single_bytes = 16 * 1024; // up to here latency is all: one chunk
};

/// Chunks of an operation of `members` ranks; an empty array has one, so that ranks still meet.
constexpr uint64_t chunk_total(const shape& form, uint32_t members) {
  const auto per_block = form.count == 0 ? 1 : (form.count - 1) / form.chunk_elements() + 1;
  return form.has_blocks() ? per_block * members : per_block;
}

constexpr piece piece_of(const shape& form, uint32_t members, uint32_t rank, uint64_t chunk) {
  if (form.mode == passing::empty || form.count == 0) return {};
  const auto owner = static_cast<uint32_t>(form.has_blocks() ? chunk % members : form.root);
  const auto start = (form.has_blocks() ? chunk / members : chunk) * form.chunk_elements();
  const element_range in_array{start, std::min(form.chunk_elements(), form.count - start)};
  const element_range in_blocks{owner * form.count + in_array.start, in_array.count};
  if (form.mode == passing::copy) return {rank == form.root ? in_array : element_range{}, in_array};
  switch (form.kind) {
  case collective::allreduce:
    return {in_array, in_array};
  case collective::reduce_scatter:
    return {in_blocks, rank == owner ? in_array : element_range{}};
  case collective::allgather:
    return rank == owner ? piece{in_array, {}} : piece{{}, in_blocks};
  case collective::broadcast:
    return rank == owner ? piece{in_array, {}} : piece{{}, in_array};
  default:
    return {};
  }
}

} // namespace troupe::reduction
