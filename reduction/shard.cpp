#include "reduction/shard.hpp"

#include "reduction/kernels.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace troupe::reduction {
namespace {

// Counts past this cannot be arrays, and their sizes in bytes would not fit 64 bits.
constexpr uint64_t max_count = uint64_t{1} << 56;

std::string describe(const chunk_header& header) {
  return fmt::format("{} of {} {} elements", name_of(static_cast<reduce_op>(header.op)),
                     header.count, name_of(static_cast<dtype>(header.type)));
}

} // namespace

buffer_pool::buffer buffer_pool::take() {
  if (free_.empty()) {
    if (made_ == limit_) return nullptr;
    constexpr size_t page = 4096;
    auto* const bytes =
        static_cast<std::byte*>(std::aligned_alloc(page, (buffer_bytes_ + page - 1) / page * page));
    if (bytes == nullptr) throw std::bad_alloc();
    ++made_;
    free_.emplace_back(bytes);
  }
  auto* const taken = free_.back().release();
  free_.pop_back();
  return {taken,
          [pool = shared_from_this()](std::byte* bytes) { pool->free_.emplace_back(bytes); }};
}

shard::shard(const shard_options& options, emit on_result)
    : options_(options), on_result_(std::move(on_result)),
      pool_(std::make_shared<buffer_pool>(
          options.chunk_bytes, size_t{options.slots} * (options.world_size + size_t{4}))),
      window_(options.slots), next_sequence_(options.world_size) {
  for (auto& each : window_)
    each.parts.resize(options.world_size);
}

result<> shard::check_form(const chunk_header& header, size_t length) const {
  const auto bad = [&](std::string_view what) {
    return fail(errc::invalid_argument,
                "rank {} broke the protocol: {} in chunk {} of operation {}", header.rank, what,
                header.chunk, header.operation);
  };
  if (header.type >= dtype_count || header.op >= reduce_op_count || header.count > max_count)
    return bad("an unknown type, operator or count");
  const auto type = static_cast<dtype>(header.type);
  const auto elements = chunk_elements(options_.chunk_bytes, type);
  if (header.chunk >= chunk_total(header.count, elements)) return bad("a chunk past the end");
  const auto expected = std::min(elements, header.count - header.chunk * elements) * size_of(type);
  if (length != expected) return bad("a chunk of the wrong length");
  if (header.sequence != next_sequence_[header.rank]) return bad("a sequence number out of order");
  return {};
}

result<> shard::contribute(const chunk_header& header, byte_span payload, time_point now) {
  if (auto form = check_form(header, payload.size()); !form) return form;
  auto& at = window_[header.sequence % window_.size()];
  if (!at.gathering) {
    at.gathering = true;
    at.header = header;
    at.since = now;
  } else if (at.header.sequence != header.sequence) {
    return fail(errc::invalid_argument,
                "rank {} broke the protocol: it has more than {} chunks under way", header.rank,
                window_.size());
  }
  const auto& first = at.header;
  if (first.operation != header.operation || first.count != header.count
      || first.type != header.type || first.op != header.op || first.chunk != header.chunk)
    return fail(
        errc::failed_precondition,
        "the ranks disagree: rank {} called all-reduce number {} with {}, rank {} called number "
        "{} with {}; every rank must make the same calls in the same order",
        first.rank, first.operation, describe(first), header.rank, header.operation,
        describe(header));
  auto part = pool_->take();
  if (!part) return fail(errc::internal, "the reducer's buffer pool is empty");
  if (!payload.empty()) std::memcpy(part.get(), payload.data(), payload.size());
  at.parts[header.rank] = std::move(part);
  ++next_sequence_[header.rank];
  if (++at.arrived == options_.world_size) complete(at, payload.size());
  return {};
}

void shard::complete(slot& full, size_t length) {
  outcome out{full.header, pool_->take(), length};
  // The pool's limit leaves room for two windows of results.
  if (!out.buffer) std::abort();
  std::vector<const void*> inputs;
  for (const auto& part : full.parts)
    inputs.push_back(part.get());
  const auto type = static_cast<dtype>(full.header.type);
  reduce(type, static_cast<reduce_op>(full.header.op), inputs, out.buffer.get(),
         length / size_of(type));
  for (auto& part : full.parts)
    part.reset();
  full.arrived = 0;
  full.gathering = false;
  on_result_(out);
}

std::optional<waiting_chunk> shard::oldest_waiting() const {
  const slot* oldest = nullptr;
  for (const auto& each : window_)
    if (each.gathering && (oldest == nullptr || each.header.sequence < oldest->header.sequence))
      oldest = &each;
  if (oldest == nullptr) return std::nullopt;
  waiting_chunk out{oldest->header.operation, oldest->since, {}};
  for (uint32_t rank = 0; rank < options_.world_size; ++rank)
    if (!oldest->parts[rank]) out.missing.push_back(rank);
  return out;
}

} // namespace troupe::reduction
