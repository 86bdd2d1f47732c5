// The communicator's background thread: control connections, heartbeats, who is lost and what
// follows from it.

#include "reduction/rank/communicator.hpp"

#include <algorithm>
#include <cmath>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

namespace troupe::reduction {
namespace {

// Time for a control connection to say why a data connection broke.
constexpr milliseconds suspicion_grace{300};
// After a caller has driven the engines, it probably comes again soon, and need not be disturbed.
constexpr milliseconds caller_grace{1};

} // namespace

void communicator::run() {
  while (true) {
    auto now = steady_clock::now();
    bool any = false;
    const bool driving = drives_here(now);
    if (driving && !failed_) any = drive(*engines_.front());
    now = steady_clock::now();
    if (any) last_event_ = now;
    const bool quiet = !driving || now - last_event_ > spin_;
    if (quiet || now - last_poll_ > milliseconds(1)) {
      serve_control(quiet && !any, now);
      now = last_poll_ = steady_clock::now();
    }
    take_notes(now);
    if (now >= next_tick_) tick();
    if (engines_stop_) return;
  }
}

bool communicator::drives_here(time_point now) const {
  if (engines_.size() > 1) return true;
  if (caller_drives_) return false;
  return drive_requested_
         || now.time_since_epoch().count() - last_call_
                > std::chrono::duration_cast<steady_clock::duration>(caller_grace).count();
}

void communicator::serve_control(bool sleep, time_point now) {
  std::vector<pollfd> fds{{control_fd_.value(), POLLIN, 0}};
  auto until = next_tick_;
  if (!failed_) {
    if (drives_here(now)) {
      auto& first = *engines_.front();
      const std::lock_guard lock(first.path->mutex());
      if (sleep) sleep = first.path->arm() && !first.has_submissions;
      fds.push_back({first.path->event_fd(), POLLIN, 0});
    } else if (!caller_drives_) {
      until = std::min(until, now + caller_grace);
    }
    for (const auto& each : reducers_)
      if (each.alive) fds.push_back({each.control.fd(), POLLIN, 0});
    fds.push_back({hub_.fd(), POLLIN, 0});
  }
  const auto rest = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
  // A failed communicator only waits to be finalized.
  const int idle_ms = failed_ ? -1 : static_cast<int>(std::max<int64_t>(rest, 0));
  poll(fds.data(), fds.size(), sleep ? idle_ms : 0);
  eventfd_t ignored = 0;
  eventfd_read(control_fd_.value(), &ignored);
  for (size_t i = 0; i < reducers_.size() && !failed_; ++i)
    if (reducers_[i].alive) receive_reducer(i);
  if (!failed_) receive_hub();
}

void communicator::receive_reducer(size_t index) {
  auto& from = reducers_[index];
  for (const auto& frame : from.control.receive(max_trusted_frame_bytes)) {
    from.last_heard = steady_clock::now();
    if (frame.type == frame_type::failed) return on_failed_reducer(index, frame);
    if (frame.type != frame_type::waiting) continue;
    const std::lock_guard lock(mutex_);
    waiting_for_ =
        printable({reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size()});
    waiting_since_ = from.last_heard;
  }
  if (from.control.lost())
    lose_reducer(index, fmt::format("{}; its process most likely died, see its log",
                                    from.control.lost_reason()));
}

// What a reducer says of the ranks counts for all. That it goes itself does not end the job.
void communicator::on_failed_reducer(size_t index, const frame& message) {
  const auto why = decode_verdict(message.payload);
  const auto name = reducer_name(options_, index);
  if (!why) return lose_reducer(index, "it gave up");
  if (why->code == errc::cancelled || why->code == errc::internal)
    return lose_reducer(index, why->text);
  fail_all({why->code, fmt::format("{}: {}", name, why->text)});
}

void communicator::receive_hub() {
  for (const auto& frame : hub_.receive(max_trusted_frame_bytes)) {
    hub_heard_ = steady_clock::now();
    if (frame.type == frame_type::failed) {
      const auto why = decode_verdict(frame.payload);
      return fail_all(why ? error{why->code, why->text} : error{errc::unknown, "the job failed"});
    }
    if (frame.type == frame_type::pause) {
      if (const auto order = decode_pause(frame.payload)) on_pause(*order);
    } else if (frame.type == frame_type::resume) {
      if (const auto order = decode_resume(frame.payload)) on_resume(*order);
    }
    if (failed_) return;
  }
  if (hub_.lost() && !engines_stop_)
    fail_all(
        {errc::unavailable,
         fmt::format("rank 0 ({}) is lost: {} without a goodbye; its process most likely died, "
                     "see its log",
                     printable(everyone_.ranks.front().place), hub_.lost_reason())});
}

void communicator::take_notes(time_point now) {
  std::vector<std::pair<uint32_t, std::string>> lost;
  std::optional<error> trouble;
  {
    const std::lock_guard lock(mutex_);
    lost.swap(lost_lanes_);
    trouble.swap(trouble_);
    // Once all are connected, strangers need not even reach UCX.
    if (!sealed_ && ranks_attached_ + 1 == options_.world_size) {
      sealed_ = true;
      static_cast<void>(engines_.front()->path->data().seal());
    }
  }
  for (const auto& [lane, reason] : lost) {
    const size_t index = lane / lanes_per_reducer_;
    if (index < reducers_.size() && !reducers_[index].suspicion)
      reducers_[index].suspicion = {now, reason};
    // A rank that is lost is the hub's to tell.
  }
  if (trouble) fail_all(std::move(*trouble));
  if (failed_ || attached_) return;
  bool attached = true;
  with_each_engine([&](rank_engine& each) { attached &= each.attached(); });
  if (!attached) return;
  const std::lock_guard lock(mutex_);
  attached_ = true;
  changed_.notify_all();
}

void communicator::lose_reducer(size_t index, const std::string& reason) {
  auto& link = reducers_[index];
  if (std::exchange(link.reported, true)) return;
  hub_.send(frame_type::missing, encode(missing{static_cast<uint32_t>(index), reason}));
}

std::vector<uint32_t> communicator::lanes_of(size_t reducer) const {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < lanes_per_reducer_; ++i)
    out.push_back(static_cast<uint32_t>(reducer) * lanes_per_reducer_ + i);
  return out;
}

size_t communicator::reducers_alive() const {
  return static_cast<size_t>(std::ranges::count_if(reducers_, &reducer_link::alive));
}

// The first reducer that lives, counted from a lane's own on; without any, the ranks in turn. It
// depends only on who is lost, not on when, so that ranks agree which open a group at different
// times.
std::vector<uint32_t> communicator::hosts() const {
  const auto count = static_cast<uint32_t>(reducers_.size());
  std::vector<uint32_t> out;
  for (uint32_t lane = 0; lane < count * lanes_per_reducer_ + options_.world_size; ++lane) {
    out.push_back(lane);
    const uint32_t home = lane / lanes_per_reducer_;
    if (home >= count || reducers_[home].alive) continue;
    out.back() = count * lanes_per_reducer_ + lane % options_.world_size;
    for (uint32_t step = 1; step < count; ++step)
      if (const auto next = (home + step) % count; reducers_[next].alive) {
        out.back() = next * lanes_per_reducer_ + lane % lanes_per_reducer_;
        break;
      }
  }
  return out;
}

void communicator::on_pause(const pause_order& order) {
  round_ = order.round;
  std::vector<uint32_t> lost;
  for (const auto& each : order.lost) {
    if (each.reducer >= reducers_.size()) continue;
    auto& link = reducers_[each.reducer];
    link.reported = true;
    if (!std::exchange(link.alive, false)) continue;
    link.control.close();
    const auto lanes = lanes_of(each.reducer);
    lost.insert(lost.end(), lanes.begin(), lanes.end());
    fmt::print(stderr, "troupe: rank {}: {} is lost: {}; {} of {} reducers go on\n", options_.rank,
               reducer_name(options_, each.reducer), printable(each.reason), reducers_alive(),
               reducers_.size());
  }
  {
    const std::lock_guard lock(mutex_);
    alive_ = reducers_alive();
  }
  if (!begun_ && !lost.empty())
    return fail_all(
        {errc::unavailable, fmt::format("{} is lost before the job has begun: {}",
                                        reducer_name(options_, order.lost.back().reducer),
                                        printable(order.lost.back().reason))});
  // From now on ranks combine chunks, and must reach each other.
  if (reducers_alive() == 0) admit_ranks();
  progress_report report;
  report.round = round_;
  with_each_engine([&](rank_engine& each) {
    each.drop_lanes(lost, hosts());
    for (const auto& held : each.held_streams())
      report.streams.push_back({held.group, held.lane, held.received});
  });
  {
    const std::lock_guard lock(mutex_);
    report.ended.assign(ended_groups_.begin(), ended_groups_.end());
  }
  hub_.send(frame_type::progress, encode(report));
}

void communicator::on_resume(const resume_order& order) {
  if (order.round != round_) return;
  std::optional<error> trouble;
  with_each_engine([&](rank_engine& each) {
    for (const auto id : order.ended)
      each.conclude(id);
    for (const auto& at : order.streams) {
      stream_move order_for_stream{at.group, at.lane, {}};
      std::vector<uint32_t> members;
      {
        const std::lock_guard lock(mutex_);
        const auto found = groups_.find(at.group);
        if (found == groups_.end()) continue;
        members = found->second.info->members;
      }
      for (const auto rank : members) {
        const auto known =
            std::ranges::find(at.received, rank, [](const auto& p) { return p.first; });
        order_for_stream.received.push_back(known == at.received.end() ? 0 : known->second);
      }
      if (auto moved = each.move(order_for_stream); !moved) trouble = moved.error();
    }
  });
  if (trouble) return fail_all(std::move(*trouble));
  drive_requested_ = true;
  if (caller_drives_) eventfd_write(engines_.front()->wake_fd.value(), 1);
}

void communicator::admit_ranks() {
  std::set<uint32_t> hosts;
  for (const auto& each : everyone_.ranks)
    if (each.ipv4 != 0) hosts.insert(each.ipv4);
  // A rank on this machine may come over the loopback.
  hosts.insert(htonl(INADDR_LOOPBACK));
  const std::vector<uint32_t> addresses(hosts.begin(), hosts.end());
  const std::lock_guard lock(mutex_);
  sealed_ = false;
  static_cast<void>(engines_.front()->path->data().admit_only(addresses));
}

void communicator::tick() {
  const auto now = steady_clock::now();
  next_tick_ = now + std::min(milliseconds(100), milliseconds(options_.timeout_ms / 8 + 1));
  if (failed_) return;
  // Whoever was stopped itself cannot tell who else was silent meanwhile.
  if (now - last_tick_ > milliseconds(options_.timeout_ms / 2)) {
    hub_heard_ = now;
    for (auto& each : reducers_)
      each.last_heard = now;
  }
  last_tick_ = now;
  const bool beat = now >= next_heartbeat_;
  if (beat)
    next_heartbeat_ = now + std::min(milliseconds(1000), milliseconds(options_.timeout_ms / 4));
  for (auto& each : reducers_) {
    if (!each.alive) continue;
    if (beat) each.control.send(frame_type::heartbeat);
    each.control.flush();
  }
  if (beat) hub_.send(frame_type::heartbeat);
  hub_.flush();
  check_silence(now);
}

void communicator::check_silence(time_point now) {
  const milliseconds limit(options_.timeout_ms);
  const auto cut = [&] {
    return fmt::format("silent for more than {} ms; its process or its machine is stopped, or the "
                       "network between is cut",
                       options_.timeout_ms);
  };
  for (size_t i = 0; i < reducers_.size(); ++i) {
    const auto& each = reducers_[i];
    if (!each.alive) continue;
    if (each.suspicion && now - each.suspicion->first > suspicion_grace)
      lose_reducer(i, fmt::format("the data connection failed ({})", each.suspicion->second));
    else if (now - each.last_heard > limit)
      lose_reducer(i, cut());
  }
  // The hub has the same limit for this rank, and tells everyone; it goes first.
  if (now - hub_heard_ > limit + limit / 4)
    return fail_all(
        {errc::deadline_exceeded,
         fmt::format("rank 0 ({}) is lost: {}", printable(everyone_.ranks.front().place), cut())});
  if (attached_ || now - opened_.load() < milliseconds(options_.connect_timeout_ms)) return;
  std::optional<uint32_t> lane;
  with_each_engine([&](rank_engine& each) {
    if (!lane) lane = each.unattached_lane();
  });
  if (!lane) return;
  const auto name = *lane / lanes_per_reducer_ < reducers_.size()
                        ? reducer_name(options_, *lane / lanes_per_reducer_)
                        : fmt::format("rank {}", *lane - rank_lane(0));
  fail_all({errc::deadline_exceeded,
            fmt::format("{} does not answer on the data path within {} ms, though its control "
                        "connection works; is there a firewall? The data port is any free one",
                        name, options_.connect_timeout_ms)});
}

void communicator::with_each_engine(const std::function<void(rank_engine&)>& task) {
  control_wants_engines_ = true;
  for (auto& each : engines_) {
    const std::lock_guard lock(each->path->mutex());
    task(*each->path);
  }
  control_wants_engines_ = false;
}

void communicator::fail_all(error why) {
  if (failed_) return;
  failed_ = true;
  // The reducers and the hub, and through them the other ranks, should hear what happened and not
  // find out by themselves.
  const auto payload = encode(verdict{why.code, why.message});
  for (auto& each : reducers_)
    if (each.alive) {
      each.control.send(frame_type::aborted, payload);
      each.control.finish_sending();
    }
  hub_.send(frame_type::aborted, payload);
  hub_.finish_sending();
  // The callers may free their arrays when they hear of the failure, so no send may be under way
  // then.
  with_each_engine([](rank_engine& each) { each.stop(); });
  {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(why);
    for (const auto& each : unfinished_) {
      each->outcome = std::unexpected(*failure_);
      each->finished.store(true, std::memory_order_release);
    }
    unfinished_.clear();
    for (auto& each : engines_)
      each->submitted.clear();
    changed_.notify_all();
  }
  for (auto& each : engines_)
    eventfd_write(each->wake_fd.value(), 1);
}

// Called by the thread that finalizes.
void communicator::leave() {
  std::optional<error> premature;
  {
    const std::lock_guard lock(mutex_);
    if (!unfinished_.empty() && !failure_)
      premature = error{
          errc::failed_precondition,
          fmt::format("rank {} was finalized while operations were under way", options_.rank)};
  }
  engines_stop_ = true;
  eventfd_write(control_fd_.value(), 1);
  for (auto& each : engines_)
    eventfd_write(each->wake_fd.value(), 1);
  if (thread_.joinable()) thread_.join();
  for (auto& each : engines_)
    if (each->thread.joinable()) each->thread.join();
  if (premature) fail_all(std::move(*premature));
  if (!failed_) {
    for (auto& each : reducers_)
      if (each.alive) {
        each.control.send(frame_type::goodbye);
        each.control.finish_sending();
      }
    hub_.send(frame_type::goodbye);
    hub_.finish_sending();
  }
  engines_.clear();
  // Closing with unread input would take our last words back.
  for (auto& each : reducers_)
    if (each.alive) {
      each.control.receive(max_trusted_frame_bytes);
      each.control.close();
    }
  hub_.receive(max_trusted_frame_bytes);
  hub_.close();
  own_hub_.reset();
}

// Both ways of moving bytes are timed on the ranks' own arrays: everything through the reducers
// takes max(1, n / kappa) S / B, everything among the ranks 2 (n - 1) / n S / B.
result<> communicator::measure_kappa() {
  const double n = options_.world_size;
  if (options_.world_size < 2) return {};
  if (auto connected = connect_ranks(true); !connected) return connected;
  std::vector<float> array(4U << 20, 1.0F);
  const auto by_reducers = reducers_only();
  const lane_plan by_ranks(reducer_weights(), options_.world_size, 0.0);
  const auto through_reducers = time_of(by_reducers, array);
  if (!through_reducers) return std::unexpected(through_reducers.error());
  const auto among_ranks = time_of(by_ranks, array);
  if (!among_ranks) return std::unexpected(among_ranks.error());
  const double unit = *among_ranks * n / (2 * (n - 1)); // S / B
  install_world(std::min(n, n * unit / *through_reducers));
  return {};
}

result<double> communicator::time_of(const lane_plan& plan, std::vector<float>& array) {
  constexpr int tries = 3;
  std::vector<double> seconds;
  for (int i = 0; i < tries; ++i) {
    operation_call call{collective::allreduce,
                        array.data(),
                        array.data(),
                        array.size(),
                        dtype::float32,
                        reduce_op::max,
                        0,
                        &plan};
    const auto begin = steady_clock::now();
    auto op = start(0, call, true);
    if (!op) return std::unexpected(op.error());
    if (auto waited = wait(**op); !waited) return std::unexpected(waited.error());
    seconds.push_back(std::chrono::duration<double>(steady_clock::now() - begin).count());
  }
  double best = std::ranges::min(seconds);
  // All ranks must come to the same kappa.
  operation_call agree{collective::allreduce, &best,          &best, 1,
                       dtype::float64,        reduce_op::max, 0,     nullptr};
  auto op = start(0, agree, true);
  if (!op) return std::unexpected(op.error());
  if (auto waited = wait(**op); !waited) return std::unexpected(waited.error());
  return best;
}

// Rank 0 combines short arrays, and where the plan says so all ranks combine some of the long ones:
// then they must reach each other. First all let the others in, then all knock: a refused knock
// would be tried again only after a second.
result<> communicator::connect_ranks(bool every_rank) {
  if (options_.world_size == 1) return connect_lanes({rank_lane(0)});
  {
    const std::lock_guard lock(mutex_);
    every_rank |= groups_.at(0).info->bulk.uses_colocated();
  }
  if (every_rank || options_.rank == 0) with_each_engine([&](rank_engine&) { admit_ranks(); });
  if (!reducers_.empty()) {
    const auto by_reducers = reducers_only();
    operation_call meet;
    meet.plan = &by_reducers;
    auto op = start(0, meet, true);
    if (!op) return std::unexpected(op.error());
    if (auto waited = wait(**op); !waited) return waited;
  }
  std::vector<uint32_t> lanes;
  for (uint32_t rank = 0; rank < (every_rank ? options_.world_size : 1); ++rank)
    lanes.push_back(rank_lane(rank));
  return connect_lanes(lanes);
}

result<> communicator::connect_lanes(const std::vector<uint32_t>& lanes) {
  opened_ = steady_clock::now();
  result<> outcome;
  auto& first = *engines_.front()->path;
  with_each_engine([&](rank_engine& each) {
    if (&each != &first) return;
    outcome = each.connect(lanes);
    attached_ = false;
  });
  drive_requested_ = true;
  eventfd_write(control_fd_.value(), 1);
  if (!outcome) return outcome;
  return await_attached();
}

} // namespace troupe::reduction
