#include "reduction/reducer/shard_host.hpp"

#include <algorithm>

namespace troupe::reduction {
namespace {

// An open message's payload: the members as 32-bit numbers.
std::vector<uint32_t> members_in(byte_span payload) {
  std::vector<uint32_t> out(payload.size() / sizeof(uint32_t));
  std::memcpy(out.data(), payload.data(), out.size() * sizeof(uint32_t));
  return out;
}

} // namespace

shard_host::shard_host(am_worker& data, const settings& chosen, std::vector<peer> peers,
                       callbacks handlers)
    : data_(data), settings_(chosen), pool_(chosen.chunk_bytes), callbacks_(std::move(handlers)) {
  for (auto& each : peers) {
    rank_by_secret_.emplace(each.secret, static_cast<uint32_t>(members_.size()));
    const auto engines = each.addresses.size();
    members_.push_back({std::move(each), std::vector<am_worker::endpoint*>(engines)});
  }
  data_.on_message(message::attach, [this](const chunk_header& header, byte_span) {
    const auto rank = rank_of(header);
    if (rank && header.operation < members_[*rank].endpoints.size())
      attaching_.push_back({*rank, header.operation, header.lane});
  });
  data_.on_message(message::open, [this](const chunk_header& header, byte_span payload) {
    if (const auto rank = rank_of(header)) open(*rank, header, members_in(payload));
  });
  data_.on_message(message::contribution, [this](const chunk_header& header, byte_span payload) {
    if (const auto rank = rank_of(header)) contribute(*rank, header, payload);
  });
  data_.on_message(message::close, [this](const chunk_header& header, byte_span) {
    if (rank_of(header)) close(header);
  });
}

void shard_host::be_local(uint32_t rank, local_result receive) {
  local_rank_ = rank;
  receive_locally_ = std::move(receive);
}

void shard_host::open_locally(const chunk_header& header, std::vector<uint32_t> members) {
  open(*local_rank_, header, std::move(members));
}

void shard_host::contribute_locally(const chunk_header& header, byte_span payload) {
  contribute(*local_rank_, header, payload);
}

void shard_host::close_locally(const chunk_header& header) { close(header); }

std::optional<uint32_t> shard_host::rank_of(const chunk_header& header) {
  const auto found = rank_by_secret_.find(header.secret);
  if (found != rank_by_secret_.end()) return found->second;
  // A stranger has found UCX's own port and speaks its protocol. Nothing that it sends may count.
  if (callbacks_.stranger) callbacks_.stranger();
  return std::nullopt;
}

void shard_host::open(uint32_t rank, const chunk_header& header, std::vector<uint32_t> members) {
  const bool sound = std::ranges::all_of(members, [&](auto each) { return each < members_.size(); })
                     && std::ranges::find(members, rank) != members.end();
  const auto engine = header.operation;
  if (!sound || engine >= members_[rank].endpoints.size())
    return callbacks_.trouble({errc::invalid_argument,
                               fmt::format("rank {} opened group {} with members that do not exist",
                                           rank, header.group)});
  auto& at = shards_[key_of(header)];
  if (!at.shard) {
    const auto count = static_cast<uint32_t>(members.size());
    for (uint32_t member = 0; member < count; ++member)
      at.member_of.emplace(members[member], member);
    at.endpoints.resize(count);
    // A window of parts, and two of results.
    pool_.raise_limit(settings_.slots * (size_t{count} + 4));
    at.shard = std::make_unique<class shard>(
        shard_options{settings_.slots, header.sequence, std::move(members)}, pool_);
  } else if (at.shard->options().members != members) {
    return callbacks_.trouble(
        {errc::failed_precondition,
         fmt::format("the ranks disagree: group {} consists of the ranks {} for some, but of {} "
                     "for rank {}",
                     header.group, fmt::join(at.shard->options().members, ","),
                     fmt::join(members, ","), rank)});
  }
  at.endpoints[at.member_of.at(rank)] = members_[rank].endpoints[engine];
}

void shard_host::contribute(uint32_t rank, const chunk_header& header, byte_span payload) {
  const auto found = shards_.find(key_of(header));
  if (found == shards_.end()) return;
  auto& at = found->second;
  const auto member = at.member_of.find(rank);
  if (member == at.member_of.end()) return;
  auto taken = at.shard->contribute(header, member->second, payload, steady_clock::now());
  if (!taken) return callbacks_.trouble(std::move(taken.error()));
  // Such an operation has one chunk. The first chunk of a long array that is as short does no harm.
  had_brief_ |= payload.size() <= chunk_rule::single_bytes && header.chunk == 0;
  if (*taken) send_results(at, **taken);
}

// Every member has contributed to a result, and attaches and opens before it contributes: all
// endpoints exist.
void shard_host::send_results(stream& from, const shard::outcome& outcome) {
  const auto& members = from.shard->options().members;
  const auto count = static_cast<uint32_t>(members.size());
  for (uint32_t member = 0; member < count; ++member) {
    const auto payload = outcome.payload_for(member, count);
    const auto rank = members[member];
    if (rank == local_rank_) {
      receive_locally_(outcome, payload);
      continue;
    }
    auto header = outcome.header;
    header.secret = members_[rank].identity.secret;
    auto hold = payload.empty() ? buffer_pool::buffer() : outcome.buffer;
    data_.send(
        *from.endpoints[member], message::result, header, payload,
        {[](void*, void* held) { buffer_pool::buffer::adopt(held); }, nullptr, hold.release()});
  }
}

void shard_host::close(const chunk_header& header) {
  const auto found = shards_.find(key_of(header));
  if (found == shards_.end()) return;
  if (++found->second.closed == found->second.endpoints.size()) shards_.erase(found);
}

bool shard_host::catch_up() {
  const bool any = !attaching_.empty();
  for (const auto& each : std::exchange(attaching_, {}))
    attach(each);
  return any;
}

void shard_host::attach(const attachment& request) {
  auto& joining = members_[request.rank];
  auto& endpoint = joining.endpoints[request.engine];
  if (endpoint == nullptr) {
    auto made = data_.connect(joining.identity.addresses[request.engine],
                              [this, rank = request.rank](const std::string& reason) {
                                callbacks_.connection_lost(rank, reason);
                              });
    if (!made)
      return callbacks_.trouble(
          {made.error().code, fmt::format("rank {}: {}", request.rank, made.error().message)});
    endpoint = *made;
    callbacks_.attached(request.rank);
  }
  chunk_header header;
  header.secret = joining.identity.secret;
  header.lane = request.lane;
  data_.send(*endpoint, message::attached, header, {}, {});
}

am_worker::endpoint* shard_host::endpoint(uint32_t rank, uint32_t engine) const {
  const auto& endpoints = members_[rank].endpoints;
  return engine < endpoints.size() ? endpoints[engine] : nullptr;
}

std::optional<waiting_chunk> shard_host::oldest_waiting() const {
  std::optional<waiting_chunk> oldest;
  for (const auto& [key, each] : shards_) {
    auto waiting = each.shard->oldest_waiting();
    if (waiting && (!oldest || waiting->since < oldest->since)) oldest = std::move(waiting);
  }
  return oldest;
}

} // namespace troupe::reduction
