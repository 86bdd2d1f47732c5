// The caller's side: opening, operations, groups, the end. The background thread's side is in
// communicator_control.cpp.

#include "reduction/rank/communicator.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <thread>

namespace troupe::reduction {
namespace {

// The time of shorter arrays is latency, which grows with the number of messages: rank 0 combines
// them, whose own share needs none.
constexpr uint64_t brief_bytes = chunk_rule::single_bytes;

// Operations of a single chunk stay with one reducer for a while, which then is awake for the next.
constexpr uint64_t same_lane_operations = 64;

// How long to look for the end of a short operation before sleeping, whoever else wants the core:
// it is given up to others meanwhile, but waking takes longer than most of them do.
constexpr std::chrono::microseconds brief_spin_time{200};

unique_fd make_eventfd() { return unique_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

} // namespace

communicator::communicator(communicator_options options, meeting met)
    : options_(std::move(options)), everyone_(std::move(met.everyone)), hub_(std::move(met.hub)),
      own_hub_(std::move(met.own_hub)), control_fd_(make_eventfd()), opened_(steady_clock::now()),
      last_event_(opened_), last_tick_(opened_), hub_heard_(opened_), spin_(options_.spin_us) {
  if (!met.reducers.empty()) {
    const auto& terms = met.reducers.front().terms;
    lanes_per_reducer_ = static_cast<uint32_t>(terms.lanes.size());
    chunk_bytes_ = terms.chunk_bytes;
    slots_ = terms.slots;
  }
  make_engines(met);
  for (auto& each : met.reducers) {
    reducers_.push_back({});
    reducers_.back().control = std::move(each.control);
    reducers_.back().last_heard = opened_.load();
  }
  alive_ = reducers_.size();
  // Where ranks share a machine's cores, one that spins takes them from one that works.
  const auto here = everyone_.ranks[options_.rank].machine;
  const auto neighbours = std::ranges::count_if(
      everyone_.ranks, [&](const auto& each) { return each.machine == here; });
  if (2 * static_cast<size_t>(neighbours) > std::thread::hardware_concurrency())
    spin_ = std::chrono::microseconds(0);
}

std::vector<lane_place> communicator::places(const meeting& met) const {
  std::vector<lane_place> out;
  for (uint32_t i = 0; i < met.reducers.size(); ++i)
    for (const auto& address : met.reducers[i].terms.lanes)
      out.push_back({address, met.reducers[i].terms.secret, i});
  for (uint32_t rank = 0; rank < options_.world_size; ++rank) {
    lane_place place;
    if (rank != options_.rank) {
      place.address = everyone_.ranks[rank].lanes.front();
      place.secret = pair_secret(everyone_.key, rank, options_.rank);
    }
    out.push_back(std::move(place));
  }
  return out;
}

void communicator::make_engines(meeting& met) {
  const auto lanes = places(met);
  const auto note = [this](const auto& change) {
    const std::lock_guard lock(mutex_);
    change();
    eventfd_write(control_fd_.value(), 1);
  };
  for (uint32_t i = 0; i < met.data.size(); ++i) {
    auto made = std::make_unique<engine_thread>();
    made->wake_fd = make_eventfd();
    made->path = std::make_unique<rank_engine>(
        rank_engine::settings{i, static_cast<uint32_t>(met.data.size()), slots_, chunk_bytes_},
        std::move(met.data[i]), lanes,
        rank_engine::callbacks{[this](const operation_ptr& op) { on_done(op); },
                               [this, note](uint32_t lane, const std::string& reason) {
                                 note([&] { lost_lanes_.emplace_back(lane, reason); });
                               }});
    engines_.push_back(std::move(made));
  }
  std::vector<shard_host::peer> peers;
  for (uint32_t rank = 0; rank < options_.world_size; ++rank)
    peers.push_back({pair_secret(everyone_.key, options_.rank, rank), everyone_.ranks[rank].lanes});
  engines_.front()->path->host_here(
      options_.rank, std::move(peers),
      {[this, note](uint32_t) { note([&] { ++ranks_attached_; }); },
       [this, note](uint32_t rank, const std::string& reason) {
         note([&] { lost_lanes_.emplace_back(rank_lane(rank), reason); });
       },
       [this, note](error why) {
         note([&] {
           if (!trouble_) trouble_ = std::move(why);
         });
       },
       [] {}});
}

result<std::unique_ptr<communicator>> communicator::open(communicator_options options) {
  auto met = meet(options);
  if (!met) return std::unexpected(met.error());
  std::unique_ptr<communicator> made(new communicator(std::move(options), std::move(*met)));
  if (auto begun = made->begin(); !begun) return std::unexpected(begun.error());
  return made;
}

result<> communicator::begin() {
  if (auto connected = connect_reducers(); !connected) return connected;
  auto* const self = this;
  for (size_t i = 1; i < engines_.size(); ++i)
    engines_[i]->thread = std::thread([self, each = engines_[i].get()] {
      pthread_setname_np(pthread_self(), "troupe-engine");
      self->run_engine(*each);
    });
  thread_ = std::thread([self] {
    pthread_setname_np(pthread_self(), "troupe-reduce");
    self->run();
  });
  if (auto attached = await_attached(); !attached) return attached;
  begun_ = true;
  const bool all_settled = !std::isnan(everyone_.kappa) || reducers_.empty();
  const auto kappa = everyone_.kappa >= 0 && !reducers_.empty()
                         ? everyone_.kappa
                         : static_cast<double>(reducers_.size());
  install_world(kappa);
  if (!all_settled)
    if (auto measured = measure_kappa(); !measured) return measured;
  return connect_ranks();
}

result<> communicator::connect_reducers() {
  std::vector<uint32_t> lanes(reducers_.size() * lanes_per_reducer_);
  std::iota(lanes.begin(), lanes.end(), 0U);
  for (auto& each : engines_) {
    const std::lock_guard lock(each->path->mutex());
    if (auto connected = each->path->connect(lanes); !connected) return connected;
  }
  return {};
}

// UCX 1.13 ends the other side's process when one goes while their connection is still being made,
// so nobody gets to leave before it is.
result<> communicator::await_attached() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return attached_ || failure_; });
  if (failure_) return std::unexpected(*failure_);
  return {};
}

std::shared_ptr<const group> communicator::make_group(uint32_t id, std::vector<uint32_t> ranks,
                                                      double reducer_share) const {
  auto made = std::make_shared<group>();
  made->id = id;
  const auto own = std::ranges::find(ranks, options_.rank);
  made->rank = static_cast<uint32_t>(own - ranks.begin());
  made->members = std::move(ranks);
  made->bulk = lane_plan(reducer_weights(), options_.world_size, reducer_share);
  made->brief = reducers_only();
  if (id == 0) {
    std::vector<double> weights(rank_lane(options_.world_size));
    weights[rank_lane(0)] = 1;
    made->brief = lane_plan(weights, 0, 1.0);
  }
  return made;
}

lane_plan communicator::reducers_only() const {
  return {reducer_weights(), options_.world_size, 1.0};
}

std::vector<double> communicator::reducer_weights() const {
  return std::vector<double>(reducers_.size() * lanes_per_reducer_, 1.0);
}

void communicator::install_world(double kappa) {
  const auto share = reducers_.empty() ? 0.0 : best_split(options_.world_size, kappa).reducer_share;
  std::vector<uint32_t> ranks(options_.world_size);
  std::iota(ranks.begin(), ranks.end(), 0U);
  auto info = make_group(0, std::move(ranks), share);
  with_each_engine([&](rank_engine& each) {
    // A group of the same number goes on where it was, with the new plan.
    static_cast<void>(each.add_group(info));
  });
  const std::lock_guard lock(mutex_);
  groups_[0].info = std::move(info);
  kappa_ = kappa;
  reducer_share_ = share;
}

result<operation_ptr> communicator::start(uint32_t group_id, const operation_call& call,
                                          bool soon) {
  auto made = std::make_shared<operation>();
  auto& form = made->form;
  form.kind = call.kind;
  form.type = made->type = call.type;
  form.op = call.op;
  form.root = call.root;
  form.count = call.count;
  if (const auto wire = wire_.load(std::memory_order_relaxed);
      wire && call.type == dtype::float32 && form.reduces())
    form.type = *wire;
  made->input = static_cast<const std::byte*>(call.input);
  made->output = static_cast<std::byte*>(call.output);
  made->shares_missing = static_cast<uint32_t>(engines_.size());
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return std::unexpected(*failure_);
    if (leaving_ && call.kind != collective::leave)
      return fail(errc::failed_precondition, "the communicator was finalized");
    const auto found = groups_.find(group_id);
    if (found == groups_.end()) return fail(errc::failed_precondition, "the group has ended");
    made->of = found->second.info;
    const auto& of = *made->of;
    const auto bytes = form.count * size_of(form.type) * (form.has_blocks() ? of.size() : 1);
    form.chunk_bytes = static_cast<uint32_t>(chunk_bytes_for(bytes, of.size(), chunk_bytes_));
    made->plan = call.plan != nullptr ? call.plan : bytes <= brief_bytes ? &of.brief : &of.bulk;
    made->chunks = chunk_total(form, of.size());
    made->least_window = least_window(bytes, form.chunk_bytes, std::max(rank_lane(0), of.size()));
    made->number = found->second.operations++;
    made->phase = made->chunks == 1 ? made->number / same_lane_operations : made->number;
    unfinished_.insert(made);
    for (auto& each : engines_) {
      each->submitted.push_back(made);
      each->has_submissions.store(true, std::memory_order_release);
    }
  }
  const auto block = form.count * size_of(made->type);
  if (call.kind == collective::allgather && block > 0)
    if (auto* const own = made->output + made->of->rank * block; own != made->input)
      std::memcpy(own, made->input, block);
  poke(soon);
  return made;
}

// Wakes whoever drives the engines; nobody where the caller is about to do it itself.
void communicator::poke(bool soon) {
  for (size_t i = 1; i < engines_.size(); ++i)
    eventfd_write(engines_[i]->wake_fd.value(), 1);
  if (caller_drives_) {
    eventfd_write(engines_.front()->wake_fd.value(), 1);
  } else if (!soon || engines_.size() > 1) {
    drive_requested_ = true;
    eventfd_write(control_fd_.value(), 1);
  }
}

void communicator::on_done(const operation_ptr& op) {
  const std::lock_guard lock(mutex_);
  if (op->finished) return;
  unfinished_.erase(op);
  ++operations_done_;
  op->finished.store(true, std::memory_order_release);
  if (waiters_ > 0) changed_.notify_all();
}

result<> communicator::wait(operation& op) {
  if (engines_.size() == 1 && !op.finished) drive_until_done(op);
  if (!op.finished) {
    std::unique_lock lock(mutex_);
    ++waiters_;
    changed_.wait(lock, [&] { return op.finished.load(); });
    --waiters_;
  }
  const std::lock_guard lock(mutex_);
  return op.outcome;
}

void communicator::drive_until_done(operation& op) {
  {
    std::unique_lock lock(mutex_);
    ++waiters_;
    changed_.wait(lock, [&] { return op.finished || !caller_drives_; });
    --waiters_;
    if (op.finished) return;
    caller_drives_ = true;
  }
  auto& mine = *engines_.front();
  const auto patience = op.chunks == 1 ? std::max(spin_, brief_spin_time) : spin_;
  auto last_event = steady_clock::now();
  while (!op.finished.load(std::memory_order_acquire)) {
    if (drive(mine)) {
      last_event = steady_clock::now();
      continue;
    }
    if (patience.count() > 0 && steady_clock::now() - last_event < patience) {
      std::this_thread::yield();
      continue;
    }
    bool armed = false;
    {
      const std::lock_guard lock(mine.path->mutex());
      armed = mine.path->arm();
    }
    if (!armed || op.finished || mine.has_submissions) continue;
    pollfd fds[] = {{mine.path->event_fd(), POLLIN, 0}, {mine.wake_fd.value(), POLLIN, 0}};
    poll(fds, 2, -1);
    eventfd_t ignored = 0;
    if (fds[1].revents != 0) eventfd_read(mine.wake_fd.value(), &ignored);
  }
  release_driver();
}

void communicator::release_driver() {
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    last_call_ = steady_clock::now().time_since_epoch().count();
    caller_drives_ = false;
    more = !unfinished_.empty();
    if (waiters_ > 0) changed_.notify_all();
  }
  if (more) {
    drive_requested_ = true;
    eventfd_write(control_fd_.value(), 1);
  } else {
    drive_requested_ = false;
  }
}

bool communicator::drive(engine_thread& thread) {
  while (control_wants_engines_.load(std::memory_order_relaxed))
    std::this_thread::yield();
  const std::lock_guard lock(thread.path->mutex());
  bool any = false;
  if (thread.has_submissions.load(std::memory_order_acquire)) {
    take_submissions(thread);
    any = true;
  }
  return thread.path->drive() || any;
}

void communicator::take_submissions(engine_thread& thread) {
  std::deque<operation_ptr> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(thread.submitted);
    thread.has_submissions.store(false, std::memory_order_relaxed);
    // They were failed with the rest.
    if (failure_) return;
  }
  for (auto& each : taken)
    thread.path->submit(std::move(each));
}

void communicator::run_engine(engine_thread& thread) {
  auto last_event = steady_clock::now();
  while (true) {
    if (engines_stop_.load(std::memory_order_relaxed)) return;
    if (drive(thread)) {
      last_event = steady_clock::now();
      continue;
    }
    if (steady_clock::now() - last_event < spin_) continue;
    bool armed = false;
    {
      const std::lock_guard lock(thread.path->mutex());
      armed = thread.path->arm();
    }
    if (!armed || thread.has_submissions) continue;
    pollfd fds[] = {{thread.path->event_fd(), POLLIN, 0}, {thread.wake_fd.value(), POLLIN, 0}};
    poll(fds, 2, 100);
    eventfd_t ignored = 0;
    eventfd_read(thread.wake_fd.value(), &ignored);
  }
}

result<> communicator::add_group(uint32_t id, std::vector<uint32_t> ranks) {
  const auto bad = [&](std::string_view problem, uint32_t rank) {
    return fail(errc::invalid_argument, "group {}: {} {}", id, problem, rank);
  };
  if (id == 0) return fail(errc::invalid_argument, "a group's id is 1 or above, not 0");
  if (ranks.empty()) return fail(errc::invalid_argument, "group {} has no ranks", id);
  std::set<uint32_t> seen;
  for (const auto rank : ranks) {
    if (rank >= options_.world_size) return bad("there is no rank", rank);
    if (!seen.insert(rank).second) return bad("it names twice the rank", rank);
  }
  if (!seen.contains(options_.rank)) return bad("it lacks this rank,", options_.rank);
  auto info = make_group(id, std::move(ranks), reducers_.empty() ? 0.0 : 1.0);
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return std::unexpected(*failure_);
    if (groups_.contains(id) || ended_groups_.contains(id))
      return fail(errc::already_exists, "the id {} is another group's", id);
    groups_[id].info = info;
  }
  result<> outcome;
  with_each_engine([&](rank_engine& each) {
    if (auto added = each.add_group(info); !added && outcome) outcome = added;
  });
  return outcome;
}

result<> communicator::end_group(uint32_t id) {
  operation_call call;
  call.kind = collective::leave;
  auto op = start(id, call, true);
  const auto outcome = op ? wait(**op) : result<>{};
  {
    const std::lock_guard lock(mutex_);
    groups_.erase(id);
    ended_groups_.insert(id);
  }
  with_each_engine([&](rank_engine& each) { each.remove_group(id); });
  return outcome;
}

uint32_t communicator::group_rank(uint32_t id) {
  const std::lock_guard lock(mutex_);
  return groups_.at(id).info->rank;
}

uint32_t communicator::group_size(uint32_t id) {
  const std::lock_guard lock(mutex_);
  return groups_.at(id).info->size();
}

result<> communicator::health() {
  const std::lock_guard lock(mutex_);
  if (failure_) return std::unexpected(*failure_);
  return {};
}

communicator_stats communicator::stats() {
  communicator_stats out;
  with_each_engine([&](rank_engine& each) {
    out.bytes_sent += each.bytes_sent();
    out.bytes_received += each.bytes_received();
  });
  const std::lock_guard lock(mutex_);
  out.operations = operations_done_;
  out.reducers = static_cast<uint32_t>(reducers_.size());
  out.reducers_alive = static_cast<uint32_t>(alive_);
  out.kappa = kappa_;
  out.reducer_share = reducer_share_;
  // Reducers say it again every second while it lasts.
  if (!unfinished_.empty() && steady_clock::now() - waiting_since_ < milliseconds(2500))
    out.waiting_for = waiting_for_;
  return out;
}

result<> communicator::finalize() {
  bool premature = false;
  {
    const std::lock_guard lock(mutex_);
    if (leaving_) return {};
    leaving_ = true;
    premature = !unfinished_.empty() && !failure_;
  }
  // Nobody leaves before all have all results: another rank may need this one's, should a reducer
  // be lost now. But one that never comes here must not hold the others for ever.
  if (thread_.joinable() && !premature && health()) {
    operation_call call;
    call.kind = collective::leave;
    if (auto op = start(0, call); op) {
      std::unique_lock lock(mutex_);
      ++waiters_;
      changed_.wait_for(lock, milliseconds(options_.timeout_ms),
                        [&] { return (*op)->finished.load(); });
      --waiters_;
    }
  }
  leave();
  if (premature)
    return fail(errc::failed_precondition,
                "rank {} was finalized while operations were under way; wait for them first",
                options_.rank);
  return {};
}

communicator::~communicator() { static_cast<void>(finalize()); }

void communicator::abandon_after_fork() {
  for (auto& each : reducers_)
    each.control.close();
  hub_.close();
  if (own_hub_) own_hub_->abandon_after_fork();
}

} // namespace troupe::reduction
