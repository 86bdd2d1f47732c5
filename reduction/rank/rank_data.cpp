#include "reduction/rank/rank_data.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

namespace troupe::reduction {
namespace {

// How long to look for the end of a short operation before sleeping, even where others want the
// core: it is yielded to them meanwhile, but waking takes longer than most short operations do.
constexpr std::chrono::microseconds brief_spin_time{200};

// After a caller has driven the engine it probably comes again soon, and need not be disturbed.
constexpr milliseconds caller_grace{1};

unique_fd make_eventfd() { return unique_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

void signal(const unique_fd& fd) { eventfd_write(fd.value(), 1); }

void clear(const unique_fd& fd) {
  eventfd_t ignored = 0;
  eventfd_read(fd.value(), &ignored);
}

std::vector<uint32_t> hosts_of(const roster& everyone) {
  std::set<uint32_t> hosts;
  for (const auto& each : everyone.ranks)
    if (each.ipv4 != 0) hosts.insert(each.ipv4);
  // A rank on this machine may come over the loopback.
  hosts.insert(htonl(INADDR_LOOPBACK));
  return {hosts.begin(), hosts.end()};
}

} // namespace

rank_data::rank_data(const communicator_options& options, const lane_layout& layout, meeting& met)
    : options_(options), layout_(layout), rank_hosts_(hosts_of(met.everyone)),
      spin_(options.spin_us), background_fd_(make_eventfd()), opened_(steady_clock::now()) {
  if (!met.reducers.empty()) {
    chunk_bytes_ = met.reducers.front().terms.chunk_bytes;
    slots_ = met.reducers.front().terms.slots;
  }
  make_engines(met);
  host_shards(met.everyone);
  // Where ranks share a machine's cores, a thread that spins takes them from one that works.
  const auto here = met.everyone.ranks[options_.rank].machine;
  const auto neighbours = std::ranges::count_if(
      met.everyone.ranks, [&](const auto& each) { return each.machine == here; });
  if (2 * static_cast<size_t>(neighbours) > std::thread::hardware_concurrency())
    spin_ = std::chrono::microseconds(0);
}

std::vector<lane_place> rank_data::places(const meeting& met) const {
  std::vector<lane_place> out;
  for (uint32_t i = 0; i < met.reducers.size(); ++i)
    for (const auto& address : met.reducers[i].terms.lanes)
      out.push_back({address, met.reducers[i].terms.secret, i});
  for (uint32_t rank = 0; rank < options_.world_size; ++rank) {
    lane_place place;
    if (rank != options_.rank) {
      place.address = met.everyone.ranks[rank].lanes.front();
      place.secret = pair_secret(met.everyone.key, rank, options_.rank);
    }
    out.push_back(std::move(place));
  }
  return out;
}

// Engines only note what they meet, from their own threads; the background thread judges.
void rank_data::note_lost_lane(uint32_t lane, const std::string& reason) {
  const mutex_lock lock(mutex_);
  notes_.lost_lanes.emplace_back(lane, reason);
  signal(background_fd_);
}

void rank_data::make_engines(meeting& met) {
  const auto lanes = places(met);
  const auto engines = static_cast<uint32_t>(met.data.size());
  for (uint32_t i = 0; i < engines; ++i) {
    auto made = std::make_unique<engine_thread>();
    made->index = i;
    made->wake_fd = make_eventfd();
    made->path = std::make_unique<rank_engine>(
        rank_engine::settings{i, engines, slots_, chunk_bytes_}, std::move(met.data[i]), lanes,
        rank_engine::callbacks{
            [this](const operation_ptr& op) { on_finished(op); },
            [this](uint32_t lane, const std::string& reason) { note_lost_lane(lane, reason); }});
    engines_.push_back(std::move(made));
  }
  const mutex_lock lock(mutex_);
  submitted_.resize(engines);
}

void rank_data::host_shards(const roster& everyone) {
  std::vector<shard_host::peer> peers;
  for (uint32_t rank = 0; rank < options_.world_size; ++rank)
    peers.push_back({pair_secret(everyone.key, options_.rank, rank), everyone.ranks[rank].lanes});
  auto& first = *engines_.front()->path;
  const mutex_lock lock(first.mutex());
  first.host_here(options_.rank, std::move(peers),
                  {[this](uint32_t) {
                     const mutex_lock noting(mutex_);
                     ++ranks_attached_;
                     signal(background_fd_);
                   },
                   [this](uint32_t rank, const std::string& reason) {
                     note_lost_lane(layout_.rank_lane(rank), reason);
                   },
                   [this](error why) {
                     const mutex_lock noting(mutex_);
                     if (!notes_.trouble) notes_.trouble = std::move(why);
                     signal(background_fd_);
                   },
                   [] {}});
}

// The driver gives the engines up at once where another thread wants them.
template <class Task>
void rank_data::on_each_engine(const Task& task) {
  control_wants_engines_ = true;
  for (auto& each : engines_) {
    const mutex_lock lock(each->path->mutex());
    task(*each->path);
  }
  control_wants_engines_ = false;
}

result<> rank_data::connect_reducers() {
  for (auto& each : engines_) {
    const mutex_lock lock(each->path->mutex());
    if (auto connected = each->path->connect(layout_.all_reducer_lanes()); !connected)
      return connected;
  }
  return {};
}

void rank_data::start_threads() {
  for (size_t i = 1; i < engines_.size(); ++i)
    engines_[i]->thread = std::thread([this, each = engines_[i].get()] {
      pthread_setname_np(pthread_self(), "troupe-engine");
      run_engine(*each);
    });
}

result<> rank_data::connect_lanes(const std::vector<uint32_t>& lanes) {
  opened_ = steady_clock::now();
  result<> outcome;
  auto& first = *engines_.front()->path;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    if (&each != &first) return;
    outcome = each.connect(lanes);
    attached_ = false;
  });
  drive_requested_ = true;
  signal(background_fd_);
  if (!outcome) return outcome;
  return await_attached();
}

// UCX 1.13 ends the other side's process when one side goes while their connection is still being
// made, so nobody may leave before it is made.
result<> rank_data::await_attached() {
  mutex_lock lock(mutex_);
  while (!attached_ && !failure_)
    lock.wait(changed_);
  if (failure_) return std::unexpected(*failure_);
  return {};
}

void rank_data::admit_ranks() {
  const mutex_lock lock(mutex_);
  sealed_ = false;
  static_cast<void>(engines_.front()->path->data().admit_only(rank_hosts_));
}

void rank_data::update_attached() {
  if (attached_) return;
  bool attached = true;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    attached &= each.attached();
  });
  if (!attached) return;
  const mutex_lock lock(mutex_);
  attached_ = true;
  changed_.notify_all();
}

std::optional<uint32_t> rank_data::overdue_lane(time_point now) {
  if (attached_ || now - opened_.load() < milliseconds(options_.connect_timeout_ms))
    return std::nullopt;
  std::optional<uint32_t> lane;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    if (!lane) lane = each.unattached_lane();
  });
  return lane;
}

result<> rank_data::add_group(const std::shared_ptr<const group>& info) {
  result<> outcome;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    if (auto added = each.add_group(info); !added && outcome) outcome = added;
  });
  return outcome;
}

void rank_data::remove_group(uint32_t id) {
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    each.remove_group(id);
  });
}

result<> rank_data::submit(const operation_ptr& op) {
  op->shares_missing = static_cast<uint32_t>(engines_.size());
  const mutex_lock lock(mutex_);
  if (failure_) return std::unexpected(*failure_);
  unfinished_.insert(op);
  for (auto& each : engines_) {
    submitted_[each->index].push_back(op);
    each->has_submissions.store(true, std::memory_order_release);
  }
  return {};
}

void rank_data::wake(bool soon) {
  for (size_t i = 1; i < engines_.size(); ++i)
    signal(engines_[i]->wake_fd);
  if (caller_drives_) {
    signal(engines_.front()->wake_fd);
  } else if (!soon || engines_.size() > 1) {
    drive_requested_ = true;
    signal(background_fd_);
  }
}

void rank_data::on_finished(const operation_ptr& op) {
  const mutex_lock lock(mutex_);
  if (op->finished) return;
  unfinished_.erase(op);
  ++operations_done_;
  op->finished.store(true, std::memory_order_release);
  if (waiters_ > 0) changed_.notify_all();
}

result<> rank_data::wait(operation& op) {
  if (engines_.size() == 1 && !op.finished && become_driver(op)) drive_until_finished(op);
  if (!op.finished) {
    mutex_lock lock(mutex_);
    ++waiters_;
    while (!op.finished)
      lock.wait(changed_);
    --waiters_;
  }
  const mutex_lock lock(mutex_);
  return op.outcome;
}

void rank_data::wait_until(const operation& op, time_point deadline) {
  mutex_lock lock(mutex_);
  ++waiters_;
  while (!op.finished && lock.wait_until(changed_, deadline)) {
  }
  --waiters_;
}

// Waits while another caller drives. False where the operation has finished meanwhile.
bool rank_data::become_driver(const operation& op) {
  mutex_lock lock(mutex_);
  ++waiters_;
  while (!op.finished && caller_drives_)
    lock.wait(changed_);
  --waiters_;
  if (op.finished) return false;
  caller_drives_ = true;
  return true;
}

void rank_data::drive_until_finished(operation& op) {
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
    if (!arm(mine) || op.finished || mine.has_submissions) continue;
    pollfd fds[] = {{mine.path->event_fd(), POLLIN, 0}, {mine.wake_fd.value(), POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[1].revents != 0) clear(mine.wake_fd);
  }
  release_driver();
}

void rank_data::release_driver() {
  bool more = false;
  {
    const mutex_lock lock(mutex_);
    last_call_ = steady_clock::now().time_since_epoch().count();
    caller_drives_ = false;
    more = !unfinished_.empty();
    if (waiters_ > 0) changed_.notify_all();
  }
  drive_requested_ = more;
  if (more) signal(background_fd_);
}

bool rank_data::arm(engine_thread& driven) {
  const mutex_lock lock(driven.path->mutex());
  return driven.path->arm();
}

bool rank_data::drive(engine_thread& driven) {
  while (control_wants_engines_.load(std::memory_order_relaxed))
    std::this_thread::yield();
  const mutex_lock lock(driven.path->mutex());
  bool any = false;
  if (driven.has_submissions.load(std::memory_order_acquire)) {
    take_submissions(driven);
    any = true;
  }
  return driven.path->drive() || any;
}

void rank_data::take_submissions(engine_thread& driven) {
  driven.path->mutex().assert_held();
  std::deque<operation_ptr> taken;
  {
    const mutex_lock lock(mutex_);
    taken.swap(submitted_[driven.index]);
    driven.has_submissions.store(false, std::memory_order_relaxed);
    // They were failed with the rest.
    if (failure_) return;
  }
  for (auto& each : taken)
    driven.path->submit(std::move(each));
}

void rank_data::run_engine(engine_thread& driven) {
  auto last_event = steady_clock::now();
  while (!stopping()) {
    if (drive(driven)) {
      last_event = steady_clock::now();
      continue;
    }
    if (steady_clock::now() - last_event < spin_) continue;
    if (!arm(driven) || driven.has_submissions) continue;
    pollfd fds[] = {{driven.path->event_fd(), POLLIN, 0}, {driven.wake_fd.value(), POLLIN, 0}};
    poll(fds, 2, 100);
    clear(driven.wake_fd);
  }
}

bool rank_data::drives_in_background(time_point now) const {
  if (engines_.size() > 1) return true;
  if (caller_drives_) return false;
  return drive_requested_
         || now.time_since_epoch().count() - last_call_
                > std::chrono::duration_cast<steady_clock::duration>(caller_grace).count();
}

bool rank_data::drive_first() { return drive(*engines_.front()); }

bool rank_data::prepare_sleep(std::vector<pollfd>& fds, bool sleep, time_point now,
                              time_point& until) {
  if (drives_in_background(now)) {
    auto& first = *engines_.front();
    const mutex_lock lock(first.path->mutex());
    if (sleep) sleep = first.path->arm() && !first.has_submissions;
    fds.push_back({first.path->event_fd(), POLLIN, 0});
  } else if (!caller_drives_) {
    until = std::min(until, now + caller_grace);
  }
  return sleep;
}

rank_data::notes rank_data::take_notes() {
  const mutex_lock lock(mutex_);
  // Once all are connected, strangers need not even reach UCX.
  if (!sealed_ && ranks_attached_ + 1 == options_.world_size) {
    sealed_ = true;
    static_cast<void>(engines_.front()->path->data().seal());
  }
  return std::exchange(notes_, {});
}

std::vector<stream_state> rank_data::hold_lanes(const std::vector<uint32_t>& lost,
                                                const std::vector<uint32_t>& hosts) {
  std::vector<stream_state> held;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    each.drop_lanes(lost, hosts);
    const auto streams = each.held_streams();
    held.insert(held.end(), streams.begin(), streams.end());
  });
  return held;
}

result<> rank_data::resume(const std::vector<uint32_t>& ended_groups,
                           const std::vector<stream_move>& moves) {
  result<> outcome;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    for (const auto id : ended_groups)
      each.conclude(id);
    for (const auto& order : moves)
      if (auto moved = each.move(order); !moved) outcome = moved;
  });
  if (!outcome) return outcome;
  drive_requested_ = true;
  if (caller_drives_) signal(engines_.front()->wake_fd);
  return {};
}

void rank_data::fail(const error& why) {
  on_each_engine([](rank_engine& each) {
    each.mutex().assert_held();
    each.stop();
  });
  {
    const mutex_lock lock(mutex_);
    failure_ = why;
    for (const auto& each : unfinished_) {
      each->outcome = std::unexpected(why);
      each->finished.store(true, std::memory_order_release);
    }
    unfinished_.clear();
    for (auto& each : submitted_)
      each.clear();
    changed_.notify_all();
  }
  for (auto& each : engines_)
    signal(each->wake_fd);
}

void rank_data::stop() {
  stopping_ = true;
  signal(background_fd_);
  for (auto& each : engines_)
    signal(each->wake_fd);
}

void rank_data::join() {
  for (auto& each : engines_)
    if (each->thread.joinable()) each->thread.join();
}

result<> rank_data::health() const {
  const mutex_lock lock(mutex_);
  if (failure_) return std::unexpected(*failure_);
  return {};
}

bool rank_data::busy() const {
  const mutex_lock lock(mutex_);
  return !unfinished_.empty() && !failure_;
}

uint64_t rank_data::operations_done() const {
  const mutex_lock lock(mutex_);
  return operations_done_;
}

uint64_t rank_data::bytes_sent() {
  uint64_t sum = 0;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    sum += each.bytes_sent();
  });
  return sum;
}

uint64_t rank_data::bytes_received() {
  uint64_t sum = 0;
  on_each_engine([&](rank_engine& each) {
    each.mutex().assert_held();
    sum += each.bytes_received();
  });
  return sum;
}

} // namespace troupe::reduction
