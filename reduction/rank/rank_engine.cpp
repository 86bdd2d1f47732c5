#include "reduction/rank/rank_engine.hpp"

#include "reduction/kernels/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace troupe::reduction {
namespace {

bool uses(const lane_plan& plan, uint32_t lane) {
  return plan.next(lane, 0, 0) != lane_plan::never;
}

} // namespace

engine::engine(const settings& how, std::unique_ptr<am_worker> data, std::vector<lane_place> lanes,
               callbacks tell)
    : how_(how), data_(std::move(data)), lanes_(std::move(lanes)), links_(lanes_.size()),
      own_secret_(fresh_secret()), tell_(std::move(tell)) {
  hosts_.resize(lanes_.size());
  std::iota(hosts_.begin(), hosts_.end(), 0U);
  // No message from outside may pass for a local one.
  for (auto& each : lanes_)
    if (each.address.empty()) each.secret = own_secret_;
  data_->on_message(message::attached,
                    [this](const chunk_header& header, byte_span) { on_attached(header); });
  data_->on_message(message::result, [this](const chunk_header& header, byte_span payload) {
    if (header.lane < lanes_.size()) on_result(header, payload);
  });
}

engine::~engine() { halt(); }

// The ranks' own lanes are all the first engine's, because a rank has one host.
bool engine::serves(uint32_t lane) const {
  return (lanes_[lane].reducer == UINT32_MAX ? 0 : lane % how_.engines) == how_.index;
}

result<> engine::connect(const std::vector<uint32_t>& lanes) {
  for (const auto lane : lanes) {
    auto& to = links_[lane];
    if (to.attached || to.endpoint != nullptr) continue;
    if (lanes_[lane].address.empty()) {
      to.attached = true;
      continue;
    }
    auto made = data_->connect(lanes_[lane].address, [this, lane](const std::string& reason) {
      if (!halted_ && !links_[lane].lost) tell_.lane_lost(lane, reason);
    });
    if (!made) return std::unexpected(made.error());
    to.endpoint = *made;
    chunk_header words;
    words.secret = lanes_[lane].secret;
    words.lane = static_cast<uint16_t>(lane);
    words.operation = how_.index;
    data_->send(*to.endpoint, message::attach, words, {}, {});
  }
  return {};
}

std::optional<uint32_t> engine::unattached_lane() const {
  for (uint32_t lane = 0; lane < links_.size(); ++lane)
    if (links_[lane].endpoint != nullptr && !links_[lane].attached && !links_[lane].lost)
      return lane;
  return std::nullopt;
}

void engine::on_attached(const chunk_header& header) {
  if (header.lane >= lanes_.size() || lanes_[header.lane].secret != header.secret) return;
  links_[header.lane].attached = true;
}

void engine::host_here(uint32_t rank, std::vector<shard_host::peer> peers,
                       shard_host::callbacks tell) {
  host_ = std::make_unique<shard_host>(*data_, shard_host::settings{how_.chunk_bytes, how_.slots},
                                       std::move(peers), std::move(tell));
  // What a receiver or a sender finds complete is delivered later: both are amid their own work.
  host_->be_local(rank, [this](const shard::outcome& outcome, byte_span payload) {
    local_outcomes_.push_back({outcome, payload});
  });
}

result<> engine::add_group(std::shared_ptr<const group> which) {
  auto& made = groups_[which->id];
  const bool known = made.info != nullptr;
  made.info = std::move(which);
  if (known) return {}; // it goes on where it was, with a new plan
  std::vector<uint32_t> needed;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    if (!serves(lane)) continue;
    made.stream_of_lane.emplace(lane, made.streams.size());
    auto& each = made.streams.emplace_back();
    each.lane = lane;
    each.host = hosts_[lane];
    each.window.resize(size_t{2} * how_.slots);
    each.pacing = pace(how_.slots);
    // What a lost reducer's streams go to may never have been used.
    if (each.host != lane && uses(made.info->bulk, lane)) needed.push_back(each.host);
  }
  return connect(needed);
}

void engine::remove_group(uint32_t id) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  for (auto& each : found->second.streams) {
    if (!each.open || each.held || halted_) continue;
    chunk_header words;
    words.secret = lanes_[each.host].secret;
    words.group = id;
    words.lane = static_cast<uint16_t>(each.lane);
    if (const auto& to = links_[each.host]; to.endpoint != nullptr)
      data_->send(*to.endpoint, message::close, words, {}, {});
    else
      host_->close_locally(words);
  }
  groups_.erase(found);
}

void engine::submit(operation_ptr op) {
  auto& of = groups_.at(op->of->id);
  auto& made = of.shares.emplace_back();
  made.home = &of;
  made.lanes_left = static_cast<uint32_t>(of.streams.size());
  made.op = std::move(op);
  if (made.lanes_left == 0) settle(made);
}

bool engine::drive() {
  if (halted_) return false;
  now_ = steady_clock::now();
  bool any = send_chunks(); // first, because a short operation waits for nothing else
  any |= data_->progress();
  if (host_) any |= host_->catch_up();
  any |= send_chunks();
  while (!local_outcomes_.empty()) {
    any = true;
    deliver_local();
    send_chunks();
  }
  return any;
}

bool engine::send_chunks() {
  bool any = false;
  for (auto& [id, of] : groups_) {
    // In turn, so that all lanes get work from the first moment on.
    for (bool more = true; more && !halted_; any |= more) {
      more = false;
      for (auto& each : of.streams)
        more |= send_next(of, each);
    }
  }
  return any;
}

bool engine::send_next(group_share& of, stream& on) {
  // First, because the cursor must also pass what has nothing for this stream.
  const bool more = find_chunk(of, on);
  if (on.held || !links_[on.host].attached) return false;
  if (on.resent != on.next) return resend_next(of, on);
  if (!more) return false;
  if (on.next - on.acknowledged >= window_of(on, *share_of(of, on.operation).op)) return false;
  if (!on.open) open(of, on);
  auto& charged = share_of(of, on.operation);
  auto& which = on.window[on.next % on.window.size()];
  which.op = charged.op;
  which.operation = on.operation;
  which.chunk = static_cast<uint32_t>(on.chunk++);
  which.form = charged.op->form;
  which.sent_at = now_;
  which.part = piece_of(which.form, of.info->size(), of.info->rank, which.chunk);
  ++charged.results_missing;
  const auto sequence = on.next++;
  on.resent = on.next;
  send(of, on, sequence, which, which.form, contribution_of(which));
  return true;
}

// A lane that gets more chunks needs more of them under way in the same time. Where ranks combine
// too, every link is full both ways and has one more to make up for stalls.
uint32_t engine::window_of(const stream& on, const operation& op) {
  const auto usual = op.least_window + (op.plan->uses_colocated() ? 1 : 0);
  const auto wanted = std::lround(usual * op.plan->weight(on.lane));
  return on.pacing.window(std::max(static_cast<uint32_t>(wanted), pace::least));
}

// Moves the cursor to the stream's next chunk, if there is one.
bool engine::find_chunk(group_share& of, stream& on) {
  while (on.operation < of.first + of.shares.size()) {
    auto& at = share_of(of, on.operation);
    on.chunk = at.op->plan->next(on.lane, at.op->phase, on.chunk);
    if (on.chunk < at.op->chunks) return true;
    ++on.operation;
    on.chunk = 0;
    --at.lanes_left;
    settle(at);
  }
  return false;
}

// After a move. A chunk whose result some rank has is not combined again: its arrays may have been
// overwritten. Whoever has the result passes it on, or where nobody lacks anything of value, the
// ranks only meet.
bool engine::resend_next(group_share& of, stream& on) {
  if (on.resent - on.acknowledged >= how_.slots) return false;
  if (!on.open) open(of, on);
  const auto sequence = on.resent++;
  auto& which = on.window[sequence % on.window.size()];
  const auto ahead = std::ranges::max_element(on.others_received);
  auto form = which.form;
  if (sequence < *ahead) {
    const auto owner = which.chunk % of.info->size();
    if (form.kind == collective::allreduce && form.count > 0) {
      form.mode = passing::copy;
      form.root = static_cast<uint32_t>(ahead - on.others_received.begin());
    } else if (form.kind == collective::reduce_scatter && sequence < on.others_received[owner]) {
      form.mode = passing::empty;
    }
  }
  byte_span payload;
  if (form.mode == passing::normal)
    payload = contribution_of(which);
  else if (form.mode == passing::copy && form.root == of.info->rank)
    payload = result_of(which);
  send(of, on, sequence, which, form, payload);
  return true;
}

void engine::open(const group_share& of, stream& on) {
  chunk_header words;
  words.secret = lanes_[on.host].secret;
  words.group = of.info->id;
  words.lane = static_cast<uint16_t>(on.lane);
  words.operation = how_.index;
  words.sequence = on.resent;
  on.open = true;
  if (const auto& to = links_[on.host]; to.endpoint != nullptr)
    data_->send(*to.endpoint, message::open, words, std::as_bytes(std::span(of.info->members)), {});
  else
    host_->open_locally(words, of.info->members);
}

void engine::send(group_share& of, stream& on, uint32_t sequence, entry& which, const shape& form,
                  byte_span payload) {
  chunk_header header;
  header.secret = lanes_[on.host].secret;
  header.sequence = sequence;
  header.operation = static_cast<uint32_t>(which.operation);
  header.chunk = which.chunk;
  header.group = of.info->id;
  header.lane = static_cast<uint16_t>(on.lane);
  header.describe(form);
  const auto& to = links_[on.host];
  if (to.endpoint == nullptr) return host_->contribute_locally(header, payload);
  bytes_sent_ += payload.size();
  share* charged = nullptr;
  if (which.op) {
    charged = &share_of(of, which.operation);
    ++charged->sends_missing;
  }
  data_->send(*to.endpoint, message::contribution, header, payload,
              {[](void* self, void* item) {
                 if (item == nullptr) return;
                 auto& over = *static_cast<share*>(item);
                 --over.sends_missing;
                 static_cast<engine*>(self)->settle(over);
               },
               this, charged});
}

byte_span engine::as_on_the_wire(entry& which, const std::byte* base, element_range where) {
  const auto& op = *which.op;
  const auto* const start = base + where.start * size_of(op.type);
  if (where.count == 0) return {};
  if (op.type == which.form.type) return {start, where.count * size_of(op.type)};
  which.staged.resize(where.count * size_of(which.form.type));
  narrow(which.form.type, reinterpret_cast<const float*>(start), which.staged.data(), where.count);
  return which.staged;
}

byte_span engine::contribution_of(entry& which) {
  return which.op ? as_on_the_wire(which, which.op->input, which.part.sent) : byte_span(which.kept);
}

byte_span engine::result_of(entry& which) {
  return which.op ? as_on_the_wire(which, which.op->output, which.part.received)
                  : byte_span(which.kept);
}

void engine::deliver_local() {
  const auto next = std::move(local_outcomes_.front());
  local_outcomes_.pop_front();
  auto header = next.outcome.header;
  header.secret = own_secret_;
  on_result(header, next.payload);
}

void engine::on_result(const chunk_header& header, byte_span payload) {
  const auto found = groups_.find(header.group);
  if (halted_ || found == groups_.end()) return;
  auto& of = found->second;
  const auto index = of.stream_of_lane.find(header.lane);
  if (index == of.stream_of_lane.end()) return;
  auto& on = of.streams[index->second];
  // Only the place that serves the stream knows the secret; without it, the message is a
  // stranger's. After a move, results may come again.
  // One that was given up may still send some, when this rank has told already how far it is.
  if (on.held || lanes_[on.host].secret != header.secret || header.sequence != on.acknowledged
      || on.acknowledged == on.resent)
    return;
  ++on.acknowledged;
  if (header.sequence < on.received) return;
  auto& which = on.window[on.received % on.window.size()];
  const auto& op = *which.op;
  const auto& where = which.part.received;
  const auto& wire = which.form.type;
  if (payload.size() != where.count * size_of(wire)) return;
  auto* const out = op.output + where.start * size_of(op.type);
  if (payload.empty()) {
  } else if (op.type == wire) {
    std::memcpy(out, payload.data(), payload.size());
  } else {
    widen(wire, payload.data(), reinterpret_cast<float*>(out), where.count);
  }
  if (header.secret != own_secret_) bytes_received_ += payload.size();
  on.pacing.on_result(std::chrono::duration<double>(now_ - which.sent_at).count(),
                      which.form.chunk_bytes, on.next - on.received >= window_of(on, op));
  ++on.received;
  auto& charged = share_of(of, which.operation);
  --charged.results_missing;
  settle(charged);
}

// Done when every stream has passed the operation and all that was sent is back.
void engine::settle(share& which) {
  if (halted_ || which.done || which.lanes_left > 0 || which.results_missing > 0
      || which.sends_missing > 0)
    return;
  which.done = true;
  auto& of = *which.home;
  const auto op = std::move(which.op);
  keep(of, op);
  while (!of.shares.empty() && of.shares.front().done) {
    of.shares.pop_front();
    ++of.first;
  }
  if (op->shares_missing.fetch_sub(1, std::memory_order_acq_rel) == 1) tell_.operation_done(op);
}

// From here on the caller may do with its arrays what it wants. But should a reducer be lost now,
// another rank may lack a result that this one has, or this one's contribution to it, so what may
// still be asked for is put aside: of an all-reduce the result (the input may be overwritten), of
// the others the contribution. A chunk that lies a whole window back has reached everyone, because
// nobody sends that far ahead of what it has received.
void engine::keep(group_share& of, const operation_ptr& op) {
  for (auto& on : of.streams) {
    const auto span = std::min<uint32_t>(on.received, static_cast<uint32_t>(on.window.size()));
    for (uint32_t back = 1; back <= span; ++back) {
      auto& which = on.window[(on.received - back) % on.window.size()];
      // Chunks lie in the order of their operations; which are done in any order.
      if (which.operation > op->number) continue;
      if (which.operation < op->number) break;
      if (back <= how_.slots) {
        const auto bytes =
            op->form.kind == collective::allreduce ? result_of(which) : contribution_of(which);
        which.kept.assign(bytes.begin(), bytes.end());
      }
      which.op = nullptr;
    }
  }
}

void engine::drop_lanes(const std::vector<uint32_t>& lost, std::vector<uint32_t> hosts) {
  hosts_ = std::move(hosts);
  for (const auto lane : lost) {
    links_[lane].lost = true;
    links_[lane].attached = false;
    for (auto& [id, of] : groups_)
      for (auto& each : of.streams)
        each.held |= each.host == lane;
    if (links_[lane].endpoint != nullptr) data_->close(*links_[lane].endpoint);
  }
}

std::vector<stream_state> engine::held_streams() const {
  std::vector<stream_state> out;
  for (const auto& [id, of] : groups_)
    for (const auto& each : of.streams)
      if (each.held) out.push_back({id, each.lane, each.received});
  return out;
}

result<> engine::move(const stream_move& how) {
  const auto found = groups_.find(how.group);
  if (found == groups_.end()) return {};
  const auto index = found->second.stream_of_lane.find(how.lane);
  if (index == found->second.stream_of_lane.end()) return {};
  auto& on = found->second.streams[index->second];
  if (!on.held) return {};
  on.host = hosts_[on.lane];
  on.open = false;
  on.held = false;
  on.others_received = how.received;
  on.resent = on.acknowledged = std::ranges::min(how.received);
  return connect({on.host});
}

void engine::conclude(uint32_t group) {
  for (auto& [id, of] : groups_) {
    if (group != every_group && group != id) continue;
    const bool held = std::ranges::any_of(of.streams, [](const auto& each) { return each.held; });
    if (!held) continue;
    for (auto& each : of.streams) {
      each.held = false;
      each.received = each.acknowledged = each.resent = each.next;
    }
    std::vector<operation_ptr> over;
    for (auto& each : of.shares)
      if (!each.done) over.push_back(each.op);
    of.first += of.shares.size();
    of.shares.clear();
    for (auto& each : of.streams)
      each.operation = of.first;
    for (const auto& op : over)
      if (op->shares_missing.fetch_sub(1, std::memory_order_acq_rel) == 1) tell_.operation_done(op);
  }
}

void engine::halt() {
  if (halted_) return;
  halted_ = true;
  if (attached())
    data_->close_endpoints();
  else
    data_->abandon();
  groups_.clear();
  local_outcomes_.clear();
}

bool engine::attached() const { return !unattached_lane(); }

} // namespace troupe::reduction
