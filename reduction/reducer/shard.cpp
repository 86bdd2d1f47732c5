#include "reduction/reducer/shard.hpp"

#include "reduction/kernels/kernels.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace troupe::reduction {
namespace {

std::string describe(const shape& form) {
  switch (form.kind) {
  case collective::allreduce:
  case collective::reduce_scatter:
    return fmt::format("{}, {} of {} {} elements", name_of(form.kind), name_of(form.op), form.count,
                       name_of(form.type));
  case collective::broadcast:
    return fmt::format("{} of {} {} elements from rank {}", name_of(form.kind), form.count,
                       name_of(form.type), form.root);
  case collective::allgather:
    return fmt::format("{} of {} {} elements", name_of(form.kind), form.count, name_of(form.type));
  default:
    return std::string(name_of(form.kind));
  }
}

} // namespace

byte_span shard::outcome::payload_for(uint32_t member, uint32_t members) const {
  const auto piece = piece_of(form, members, member, header.chunk);
  return {buffer.get(), piece.received.count * size_of(form.type)};
}

shard::shard(shard_options options, buffer_pool& pool)
    : options_(std::move(options)), pool_(pool), window_(options_.slots),
      next_sequence_(options_.members.size(), options_.first_sequence) {
  for (auto& each : window_) {
    each.here.resize(members());
    each.parts.resize(members());
  }
}

result<> shard::check_form(const chunk_header& header, const shape& form, uint32_t member,
                           size_t length) const {
  const auto bad = [&](std::string_view problem) {
    return fail(errc::invalid_argument,
                "rank {} broke the protocol: {} in chunk {} of operation {}",
                options_.members[member], problem, header.chunk, header.operation);
  };
  if (form.chunk_elements() == 0) return bad("chunks below an element");
  if (form.root >= members()) return bad("a root past the last rank");
  if (header.chunk >= chunk_total(form, members())) return bad("a chunk past the end");
  const auto sent = piece_of(form, members(), member, header.chunk).sent.count;
  if (length != sent * size_of(form.type)) return bad("a chunk of the wrong length");
  if (header.sequence != next_sequence_[member]) return bad("a sequence number out of order");
  return {};
}

result<std::optional<shard::outcome>> shard::contribute(const chunk_header& header, uint32_t member,
                                                        byte_span payload, time_point now) {
  const auto form = header.form();
  if (!form)
    return fail(form.error().code, "rank {} broke the protocol: {}", options_.members[member],
                form.error().message);
  if (auto good = check_form(header, *form, member, payload.size()); !good)
    return std::unexpected(good.error());
  auto& at = window_[header.sequence % window_.size()];
  if (!at.gathering) {
    at.gathering = true;
    at.header = header;
    at.form = *form;
    at.since = now;
    at.first_member = member;
  } else if (at.header.sequence != header.sequence) {
    return fail(errc::invalid_argument,
                "rank {} broke the protocol: it has more than {} chunks under way",
                options_.members[member], window_.size());
  }
  const auto& first = at.header;
  if (first.operation != header.operation || first.chunk != header.chunk || at.form != *form)
    return fail(errc::failed_precondition,
                "the ranks disagree: rank {} made call number {} ({}), rank {} call number {} "
                "({}); every rank must make the same calls in the same order",
                options_.members[at.first_member], first.operation, describe(at.form),
                options_.members[member], header.operation, describe(*form));
  ++next_sequence_[member];
  at.here[member] = true;
  if (++at.arrived == members()) return complete(at, member, payload);
  if (!payload.empty()) {
    at.parts[member] = pool_.take();
    if (!at.parts[member]) return fail(errc::internal, "the reducer's buffer pool is empty");
    std::memcpy(at.parts[member].get(), payload.data(), payload.size());
  }
  return std::nullopt;
}

// The last contribution is combined in place, which saves a copy.
shard::outcome shard::complete(slot& full, uint32_t last, byte_span last_payload) {
  outcome out{full.header, full.form, {}};
  if (full.form.reduces() && full.form.count > 0) {
    out.buffer = pool_.take();
    // The pool's limit leaves room for two windows of results.
    if (!out.buffer) std::abort();
    inputs_.clear();
    for (uint32_t member = 0; member < members(); ++member)
      inputs_.push_back(member == last ? static_cast<const void*>(last_payload.data())
                                       : full.parts[member].get());
    const auto sent = piece_of(full.form, members(), last, full.header.chunk).sent.count;
    reduce(full.form.type, full.form.op, inputs_, out.buffer.get(), sent);
  } else if (!last_payload.empty()) {
    out.buffer = pool_.take();
    if (!out.buffer) std::abort();
    std::memcpy(out.buffer.get(), last_payload.data(), last_payload.size());
  } else {
    for (auto& part : full.parts)
      if (part) out.buffer = part;
  }
  for (auto& part : full.parts)
    part = {};
  full.here.assign(members(), false);
  full.arrived = 0;
  full.gathering = false;
  return out;
}

std::optional<waiting_chunk> shard::oldest_waiting() const {
  const slot* oldest = nullptr;
  for (const auto& each : window_)
    if (each.gathering && (oldest == nullptr || each.since < oldest->since)) oldest = &each;
  if (oldest == nullptr) return std::nullopt;
  waiting_chunk out{oldest->form, oldest->header.operation, oldest->since, {}};
  for (uint32_t member = 0; member < members(); ++member)
    if (!oldest->here[member]) out.missing.push_back(options_.members[member]);
  return out;
}

} // namespace troupe::reduction
