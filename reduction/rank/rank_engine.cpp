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

rank_engine::rank_engine(const settings& chosen, std::unique_ptr<am_worker> data,
                         std::vector<lane_place> lanes, callbacks handlers)
    : settings_(chosen), data_(std::move(data)), lanes_(std::move(lanes)), links_(lanes_.size()),
      own_secret_(fresh_secret()), callbacks_(std::move(handlers)) {
  hosts_.resize(lanes_.size());
  std::iota(hosts_.begin(), hosts_.end(), 0U);
  // No message from outside may pass for a local one.
  for (auto& each : lanes_)
    if (each.address.empty()) each.secret = own_secret_;
  data_->on_message(message::attached, [this](const chunk_header& header, byte_span) {
    mutex_.assert_held(); // of drive()
    on_attached(header);
  });
  data_->on_message(message::result, [this](const chunk_header& header, byte_span payload) {
    mutex_.assert_held();
    if (header.lane < lanes_.size()) on_result(header, payload);
  });
}

rank_engine::~rank_engine() { stop(); }

// The ranks' own lanes are all the first engine's, because a rank has one host.
bool rank_engine::serves(uint32_t lane) const {
  return (lanes_[lane].reducer == UINT32_MAX ? 0 : lane % settings_.engines) == settings_.index;
}

result<> rank_engine::connect(const std::vector<uint32_t>& lanes) {
  for (const auto lane : lanes) {
    auto& to = links_[lane];
    if (to.attached || to.endpoint != nullptr) continue;
    if (lanes_[lane].address.empty()) {
      to.attached = true;
      continue;
    }
    auto made = data_->connect(lanes_[lane].address, [this, lane](const std::string& reason) {
      mutex_.assert_held();
      if (!stopped_ && !links_[lane].lost) callbacks_.lane_lost(lane, reason);
    });
    if (!made) return std::unexpected(made.error());
    to.endpoint = *made;
    chunk_header header;
    header.secret = lanes_[lane].secret;
    header.lane = static_cast<uint16_t>(lane);
    header.operation = settings_.index;
    data_->send(*to.endpoint, message::attach, header, {}, {});
  }
  return {};
}

std::optional<uint32_t> rank_engine::unattached_lane() const {
  for (uint32_t lane = 0; lane < links_.size(); ++lane)
    if (links_[lane].endpoint != nullptr && !links_[lane].attached && !links_[lane].lost)
      return lane;
  return std::nullopt;
}

void rank_engine::on_attached(const chunk_header& header) {
  if (header.lane >= lanes_.size() || lanes_[header.lane].secret != header.secret) return;
  links_[header.lane].attached = true;
}

void rank_engine::host_here(uint32_t rank, std::vector<shard_host::peer> peers,
                            shard_host::callbacks handlers) {
  host_ = std::make_unique<shard_host>(*data_,
                                       shard_host::settings{settings_.chunk_bytes, settings_.slots},
                                       std::move(peers), std::move(handlers));
  // A result that a receiver or a sender completes is delivered later: both are in the middle of
  // their own work.
  host_->be_local(rank, [this](const shard::outcome& outcome, byte_span payload) {
    mutex_.assert_held();
    local_outcomes_.push_back({outcome, payload});
  });
}

result<> rank_engine::add_group(std::shared_ptr<const group> info) {
  auto& made = groups_[info->id];
  const bool known = made.info != nullptr;
  made.info = std::move(info);
  if (known) return {}; // it goes on with a new plan
  std::vector<uint32_t> needed;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    if (!serves(lane)) continue;
    made.stream_of_lane.emplace(lane, made.streams.size());
    auto& each = made.streams.emplace_back();
    each.lane = lane;
    each.host = hosts_[lane];
    each.window.resize(size_t{2} * settings_.slots);
    each.pacing = pace(settings_.slots);
    // The place that serves a lost reducer's stream may never have been used.
    if (each.host != lane && uses(made.info->bulk, lane)) needed.push_back(each.host);
  }
  return connect(needed);
}

void rank_engine::remove_group(uint32_t id) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  for (auto& each : found->second.streams) {
    if (!each.open || each.held || stopped_) continue;
    chunk_header header;
    header.secret = lanes_[each.host].secret;
    header.group = id;
    header.lane = static_cast<uint16_t>(each.lane);
    if (const auto& to = links_[each.host]; to.endpoint != nullptr)
      data_->send(*to.endpoint, message::close, header, {}, {});
    else
      host_->close_locally(header);
  }
  groups_.erase(found);
}

void rank_engine::submit(operation_ptr op) {
  auto& of = groups_.at(op->of->id);
  auto& made = of.shares.emplace_back();
  made.home = &of;
  made.lanes_left = static_cast<uint32_t>(of.streams.size());
  made.op = std::move(op);
  if (made.lanes_left == 0) settle(made);
}

bool rank_engine::drive() {
  if (stopped_) return false;
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

bool rank_engine::send_chunks() {
  bool any = false;
  for (auto& [id, of] : groups_) {
    // In turn, so that all lanes get work from the first moment on.
    for (bool more = true; more && !stopped_; any |= more) {
      more = false;
      for (auto& each : of.streams)
        more |= send_next(of, each);
    }
  }
  return any;
}

bool rank_engine::send_next(group_share& of, stream& on) {
  // First, because the cursor must also pass operations that have nothing for this stream.
  const bool more = find_chunk(of, on);
  if (on.held || !links_[on.host].attached) return false;
  if (on.resent != on.next) return resend_next(of, on);
  if (!more) return false;
  if (on.next - on.acknowledged >= window_of(on, *share_of(of, on.operation).op)) return false;
  if (!on.open) open(of, on);
  auto& charged = share_of(of, on.operation);
  auto& record = on.window[on.next % on.window.size()];
  record.op = charged.op;
  record.operation = on.operation;
  record.chunk = static_cast<uint32_t>(on.chunk++);
  record.form = charged.op->form;
  record.sent_at = now_;
  record.part = piece_of(record.form, of.info->size(), of.info->rank, record.chunk);
  ++charged.results_missing;
  const auto sequence = on.next++;
  on.resent = on.next;
  send(of, on, sequence, record, record.form, contribution_of(record));
  return true;
}

// A lane that gets more chunks needs more of them under way in the same time. Where ranks combine
// too, every link is full both ways and has one more to make up for stalls.
uint32_t rank_engine::window_of(const stream& on, const operation& op) {
  const auto usual = op.least_window + (op.plan->uses_colocated() ? 1 : 0);
  const auto wanted = std::lround(usual * op.plan->weight(on.lane));
  return on.pacing.window(std::max(static_cast<uint32_t>(wanted), pace::least));
}

// Moves the cursor to the stream's next chunk, if there is one.
bool rank_engine::find_chunk(group_share& of, stream& on) {
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
// overwritten. A rank that has the result passes it on; or if no rank lacks a result that matters,
// the ranks only meet.
bool rank_engine::resend_next(group_share& of, stream& on) {
  if (on.resent - on.acknowledged >= settings_.slots) return false;
  if (!on.open) open(of, on);
  const auto sequence = on.resent++;
  auto& record = on.window[sequence % on.window.size()];
  const auto ahead = std::ranges::max_element(on.others_received);
  auto form = record.form;
  if (sequence < *ahead) {
    const auto owner = record.chunk % of.info->size();
    if (form.kind == collective::allreduce && form.count > 0) {
      form.mode = passing::copy;
      form.root = static_cast<uint32_t>(ahead - on.others_received.begin());
    } else if (form.kind == collective::reduce_scatter && sequence < on.others_received[owner]) {
      form.mode = passing::empty;
    }
  }
  byte_span payload;
  if (form.mode == passing::normal)
    payload = contribution_of(record);
  else if (form.mode == passing::copy && form.root == of.info->rank)
    payload = result_of(record);
  send(of, on, sequence, record, form, payload);
  return true;
}

void rank_engine::open(const group_share& of, stream& on) {
  chunk_header header;
  header.secret = lanes_[on.host].secret;
  header.group = of.info->id;
  header.lane = static_cast<uint16_t>(on.lane);
  header.operation = settings_.index;
  header.sequence = on.resent;
  on.open = true;
  if (const auto& to = links_[on.host]; to.endpoint != nullptr)
    data_->send(*to.endpoint, message::open, header, std::as_bytes(std::span(of.info->members)),
                {});
  else
    host_->open_locally(header, of.info->members);
}

void rank_engine::send(group_share& of, stream& on, uint32_t sequence, entry& record,
                       const shape& form, byte_span payload) {
  chunk_header header;
  header.secret = lanes_[on.host].secret;
  header.sequence = sequence;
  header.operation = static_cast<uint32_t>(record.operation);
  header.chunk = record.chunk;
  header.group = of.info->id;
  header.lane = static_cast<uint16_t>(on.lane);
  header.describe(form);
  const auto& to = links_[on.host];
  if (to.endpoint == nullptr) return host_->contribute_locally(header, payload);
  bytes_sent_ += payload.size();
  share* charged = nullptr;
  if (record.op) {
    charged = &share_of(of, record.operation);
    ++charged->sends_missing;
  }
  data_->send(*to.endpoint, message::contribution, header, payload,
              {[](void* self, void* item) {
                 if (item == nullptr) return;
                 auto& over = *static_cast<share*>(item);
                 --over.sends_missing;
                 auto& engine = *static_cast<rank_engine*>(self);
                 engine.mutex_.assert_held();
                 engine.settle(over);
               },
               this, charged});
}

byte_span rank_engine::as_on_the_wire(entry& record, const std::byte* base, element_range range) {
  const auto& op = *record.op;
  const auto* const start = base + range.start * size_of(op.type);
  if (range.count == 0) return {};
  if (op.type == record.form.type) return {start, range.count * size_of(op.type)};
  record.staged.resize(range.count * size_of(record.form.type));
  narrow(record.form.type, reinterpret_cast<const float*>(start), record.staged.data(),
         range.count);
  return record.staged;
}

byte_span rank_engine::contribution_of(entry& record) {
  return record.op ? as_on_the_wire(record, record.op->input, record.part.sent)
                   : byte_span(record.kept);
}

byte_span rank_engine::result_of(entry& record) {
  return record.op ? as_on_the_wire(record, record.op->output, record.part.received)
                   : byte_span(record.kept);
}

void rank_engine::deliver_local() {
  const auto next = std::move(local_outcomes_.front());
  local_outcomes_.pop_front();
  auto header = next.outcome.header;
  header.secret = own_secret_;
  on_result(header, next.payload);
}

void rank_engine::on_result(const chunk_header& header, byte_span payload) {
  const auto found = groups_.find(header.group);
  if (stopped_ || found == groups_.end()) return;
  auto& of = found->second;
  const auto index = of.stream_of_lane.find(header.lane);
  if (index == of.stream_of_lane.end()) return;
  auto& on = of.streams[index->second];
  // Only the place that serves the stream knows the secret; a message without it is a stranger's.
  // After a move, results may arrive twice. A place that was given up may still send results after
  // this rank has reported its progress.
  if (on.held || lanes_[on.host].secret != header.secret || header.sequence != on.acknowledged
      || on.acknowledged == on.resent)
    return;
  ++on.acknowledged;
  if (header.sequence < on.received) return;
  auto& record = on.window[on.received % on.window.size()];
  const auto& op = *record.op;
  const auto& received = record.part.received;
  const auto& wire = record.form.type;
  if (payload.size() != received.count * size_of(wire)) return;
  auto* const out = op.output + received.start * size_of(op.type);
  if (payload.empty()) {
  } else if (op.type == wire) {
    std::memcpy(out, payload.data(), payload.size());
  } else {
    widen(wire, payload.data(), reinterpret_cast<float*>(out), received.count);
  }
  if (header.secret != own_secret_) bytes_received_ += payload.size();
  on.pacing.on_result(std::chrono::duration<double>(now_ - record.sent_at).count(),
                      record.form.chunk_bytes, on.next - on.received >= window_of(on, op));
  ++on.received;
  auto& charged = share_of(of, record.operation);
  --charged.results_missing;
  settle(charged);
}

// Finished when every stream has passed the operation and all results and sends are complete.
void rank_engine::settle(share& settled) {
  if (stopped_ || settled.finished || settled.lanes_left > 0 || settled.results_missing > 0
      || settled.sends_missing > 0)
    return;
  settled.finished = true;
  auto& of = *settled.home;
  const auto op = std::move(settled.op);
  keep(of, op);
  while (!of.shares.empty() && of.shares.front().finished) {
    of.shares.pop_front();
    ++of.first;
  }
  if (op->shares_missing.fetch_sub(1, std::memory_order_acq_rel) == 1)
    callbacks_.operation_done(op);
}

// From here on the caller may change its arrays. But if a reducer is lost now, another rank may
// lack a result that this one has, or this one's contribution to it. So the bytes that may still be
// needed are kept: of an all-reduce the result (the input may be overwritten), of the other
// collectives the contribution. A chunk that lies a whole window back has reached every rank,
// because no rank sends that far ahead of what it has received.
void rank_engine::keep(group_share& of, const operation_ptr& op) {
  for (auto& on : of.streams) {
    const auto span = std::min<uint32_t>(on.received, static_cast<uint32_t>(on.window.size()));
    for (uint32_t back = 1; back <= span; ++back) {
      auto& record = on.window[(on.received - back) % on.window.size()];
      // Chunks lie in the order of their operations; which are done in any order.
      if (record.operation > op->number) continue;
      if (record.operation < op->number) break;
      if (back <= settings_.slots) {
        const auto bytes =
            op->form.kind == collective::allreduce ? result_of(record) : contribution_of(record);
        record.kept.assign(bytes.begin(), bytes.end());
      }
      record.op = nullptr;
    }
  }
}

void rank_engine::drop_lanes(const std::vector<uint32_t>& lost, std::vector<uint32_t> hosts) {
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

std::vector<stream_state> rank_engine::held_streams() const {
  std::vector<stream_state> out;
  for (const auto& [id, of] : groups_)
    for (const auto& each : of.streams)
      if (each.held) out.push_back({id, each.lane, each.received});
  return out;
}

result<> rank_engine::move(const stream_move& order) {
  const auto found = groups_.find(order.group);
  if (found == groups_.end()) return {};
  const auto index = found->second.stream_of_lane.find(order.lane);
  if (index == found->second.stream_of_lane.end()) return {};
  auto& on = found->second.streams[index->second];
  if (!on.held) return {};
  on.host = hosts_[on.lane];
  on.open = false;
  on.held = false;
  on.others_received = order.received;
  on.resent = on.acknowledged = std::ranges::min(order.received);
  return connect({on.host});
}

void rank_engine::conclude(uint32_t group) {
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
      if (!each.finished) over.push_back(each.op);
    of.first += of.shares.size();
    of.shares.clear();
    for (auto& each : of.streams)
      each.operation = of.first;
    for (const auto& op : over)
      if (op->shares_missing.fetch_sub(1, std::memory_order_acq_rel) == 1)
        callbacks_.operation_done(op);
  }
}

void rank_engine::stop() {
  if (stopped_) return;
  stopped_ = true;
  if (attached())
    data_->close_endpoints();
  else
    data_->abandon();
  groups_.clear();
  local_outcomes_.clear();
}

bool rank_engine::attached() const { return !unattached_lane(); }

} // namespace troupe::reduction
