#include "reduction/rank/rank_session.hpp"

#include <algorithm>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

namespace troupe::reduction {
namespace {

// Time for a control connection to say why a data connection broke.
constexpr milliseconds suspicion_grace{300};

// While the data path is busy, control connections are looked at this often.
constexpr milliseconds poll_interval{1};

// Reducers repeat what they wait for every second while it lasts.
constexpr milliseconds waiting_text_lifetime{2500};

} // namespace

rank_session::rank_session(const communicator_options& options, const lane_layout& layout,
                           meeting& met, rank_data& data, group_table& groups)
    : options_(options), layout_(layout), data_(data), groups_(groups), hub_(std::move(met.hub)),
      own_hub_(std::move(met.own_hub)), hub_place_(printable(met.everyone.ranks.front().place)),
      last_event_(steady_clock::now()), last_tick_(last_event_), hub_heard_(last_event_) {
  for (auto& each : met.reducers) {
    reducers_.push_back({});
    reducers_.back().control = std::move(each.control);
    reducers_.back().last_heard = last_event_;
  }
  const mutex_lock lock(mutex_);
  alive_ = layout_.reducers;
}

void rank_session::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "troupe-reduce");
    run();
  });
}

void rank_session::run() {
  while (!data_.stopping()) {
    auto now = steady_clock::now();
    bool any = false;
    const bool driving = data_.drives_in_background(now);
    if (driving && !failed_) any = data_.drive_first();
    now = steady_clock::now();
    if (any) last_event_ = now;
    const bool quiet = !driving || now - last_event_ > data_.spin();
    if (quiet || now - last_poll_ > poll_interval) {
      serve_control(quiet && !any, now);
      now = last_poll_ = steady_clock::now();
    }
    judge_notes(now);
    if (now >= next_tick_) tick();
  }
}

void rank_session::serve_control(bool sleep, time_point now) {
  std::vector<pollfd> fds{{data_.background_fd(), POLLIN, 0}};
  auto until = next_tick_;
  if (!failed_) {
    sleep = data_.prepare_sleep(fds, sleep, now, until);
    for (const auto& each : reducers_)
      if (each.alive) fds.push_back({each.control.fd(), POLLIN, 0});
    fds.push_back({hub_.fd(), POLLIN, 0});
  }
  const auto rest = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
  // A failed communicator only waits to be finalized.
  const int idle_ms = failed_ ? -1 : static_cast<int>(std::max<int64_t>(rest, 0));
  poll(fds.data(), fds.size(), sleep ? idle_ms : 0);
  eventfd_t ignored = 0;
  eventfd_read(data_.background_fd(), &ignored);
  for (uint32_t i = 0; i < reducers_.size() && !failed_; ++i)
    if (reducers_[i].alive) receive_from_reducer(i);
  if (!failed_) receive_from_hub();
}

void rank_session::receive_from_reducer(uint32_t index) {
  auto& from = reducers_[index];
  for (const auto& frame : from.control.receive(max_trusted_frame_bytes)) {
    from.last_heard = steady_clock::now();
    if (frame.type == frame_type::failed) return on_reducer_failure(index, frame);
    if (frame.type != frame_type::waiting) continue;
    const mutex_lock lock(mutex_);
    waiting_for_ =
        printable({reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size()});
    waiting_since_ = from.last_heard;
  }
  if (from.control.lost())
    report_missing(index, fmt::format("{}; its process most likely died, see its log",
                                      from.control.lost_reason()));
}

// A reducer's verdict on the ranks ends the job. That the reducer itself goes does not.
void rank_session::on_reducer_failure(uint32_t index, const frame& message) {
  const auto why = decode_verdict(message.payload);
  if (!why) return report_missing(index, "it gave up");
  if (why->code == errc::cancelled || why->code == errc::internal)
    return report_missing(index, why->text);
  fail_all({why->code, fmt::format("{}: {}", reducer_name(options_, index), why->text)});
}

void rank_session::receive_from_hub() {
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
  if (hub_.lost() && !data_.stopping())
    fail_all(
        {errc::unavailable,
         fmt::format("rank 0 ({}) is lost: {} without a goodbye; its process most likely died, "
                     "see its log",
                     hub_place_, hub_.lost_reason())});
}

void rank_session::judge_notes(time_point now) {
  auto notes = data_.take_notes();
  for (const auto& [lane, reason] : notes.lost_lanes) {
    // Whether a rank is lost is the hub's to judge.
    const auto index = layout_.reducer_of(lane);
    if (index && !reducers_[*index].suspicion) reducers_[*index].suspicion = {now, reason};
  }
  if (notes.trouble) fail_all(std::move(*notes.trouble));
  if (!failed_) data_.update_attached();
}

void rank_session::report_missing(uint32_t index, const std::string& reason) {
  if (std::exchange(reducers_[index].reported, true)) return;
  hub_.send(frame_type::missing, encode(missing{index, reason}));
}

uint32_t rank_session::count_alive() const {
  return static_cast<uint32_t>(std::ranges::count_if(reducers_, &reducer_link::alive));
}

std::vector<bool> rank_session::alive_flags() const {
  std::vector<bool> out;
  for (const auto& each : reducers_)
    out.push_back(each.alive);
  return out;
}

// The lanes of those that were not known to be lost.
std::vector<uint32_t> rank_session::close_lost(const std::vector<missing>& lost) {
  std::vector<uint32_t> lanes;
  for (const auto& each : lost) {
    if (each.reducer >= reducers_.size()) continue;
    auto& link = reducers_[each.reducer];
    link.reported = true;
    if (!std::exchange(link.alive, false)) continue;
    link.control.close();
    const auto its_lanes = layout_.lanes_of(each.reducer);
    lanes.insert(lanes.end(), its_lanes.begin(), its_lanes.end());
    fmt::print(stderr, "troupe: rank {}: {} is lost: {}; {} of {} reducers go on\n", options_.rank,
               reducer_name(options_, each.reducer), printable(each.reason), count_alive(),
               reducers_.size());
  }
  const mutex_lock lock(mutex_);
  alive_ = count_alive();
  return lanes;
}

void rank_session::on_pause(const pause_order& order) {
  round_ = order.round;
  const auto lost_lanes = close_lost(order.lost);
  if (!begun_ && !lost_lanes.empty())
    return fail_all(
        {errc::unavailable, fmt::format("{} is lost before the job has begun: {}",
                                        reducer_name(options_, order.lost.back().reducer),
                                        printable(order.lost.back().reason))});
  // From now on ranks combine chunks, and must reach each other.
  if (count_alive() == 0) data_.admit_ranks();
  progress_report report;
  report.round = round_;
  for (const auto& held : data_.hold_lanes(lost_lanes, layout_.hosts(alive_flags())))
    report.streams.push_back({held.group, held.lane, held.received});
  report.ended = groups_.ended();
  hub_.send(frame_type::progress, encode(report));
}

void rank_session::on_resume(const resume_order& order) {
  if (order.round != round_) return;
  std::vector<stream_move> moves;
  for (const auto& stream : order.streams) {
    const auto info = groups_.find(stream.group);
    if (!info) continue;
    stream_move move{stream.group, stream.lane, {}};
    for (const auto rank : info->members) {
      const auto known =
          std::ranges::find(stream.received, rank, [](const auto& each) { return each.first; });
      move.received.push_back(known == stream.received.end() ? 0 : known->second);
    }
    moves.push_back(std::move(move));
  }
  if (auto resumed = data_.resume(order.ended, moves); !resumed) fail_all(resumed.error());
}

void rank_session::tick() {
  const auto now = steady_clock::now();
  next_tick_ = now + std::min(milliseconds(100), milliseconds(options_.timeout_ms / 8 + 1));
  if (failed_) return;
  // If this process was stopped itself, it cannot know whether the others were silent meanwhile.
  if (now - last_tick_ > milliseconds(options_.timeout_ms / 2)) {
    hub_heard_ = now;
    for (auto& each : reducers_)
      each.last_heard = now;
  }
  last_tick_ = now;
  beat_and_flush(now);
  check_silence(now);
}

void rank_session::beat_and_flush(time_point now) {
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
}

std::string rank_session::silence_text() const {
  return fmt::format("silent for more than {} ms; its process or its machine is stopped, or the "
                     "network between is cut",
                     options_.timeout_ms);
}

void rank_session::check_silence(time_point now) {
  const milliseconds limit(options_.timeout_ms);
  for (uint32_t i = 0; i < reducers_.size(); ++i) {
    const auto& each = reducers_[i];
    if (!each.alive) continue;
    if (each.suspicion && now - each.suspicion->first > suspicion_grace)
      report_missing(i, fmt::format("the data connection failed ({})", each.suspicion->second));
    else if (now - each.last_heard > limit)
      report_missing(i, silence_text());
  }
  // The hub has the same limit for this rank, and its verdict reaches everyone: it goes first.
  if (now - hub_heard_ > limit + limit / 4)
    return fail_all({errc::deadline_exceeded,
                     fmt::format("rank 0 ({}) is lost: {}", hub_place_, silence_text())});
  check_attachment(now);
}

void rank_session::check_attachment(time_point now) {
  const auto lane = data_.overdue_lane(now);
  if (!lane) return;
  const auto reducer = layout_.reducer_of(*lane);
  const auto name = reducer ? reducer_name(options_, *reducer)
                            : fmt::format("rank {}", *lane - layout_.rank_lane(0));
  fail_all({errc::deadline_exceeded,
            fmt::format("{} does not answer on the data path within {} ms, though its control "
                        "connection works; is there a firewall? The data port is any free one",
                        name, options_.connect_timeout_ms)});
}

void rank_session::send_all(frame_type type, byte_span payload) {
  for (auto& each : reducers_)
    if (each.alive) {
      each.control.send(type, payload);
      each.control.finish_sending();
    }
  hub_.send(type, payload);
  hub_.finish_sending();
}

void rank_session::fail_all(error why) {
  if (failed_) return;
  failed_ = true;
  // The reducers and the hub, and through them the other ranks, are to learn the reason at once
  // and not to find out by themselves that this rank is gone.
  send_all(frame_type::aborted, encode(verdict{why.code, why.message}));
  data_.fail(why);
}

void rank_session::leave() {
  const bool premature = data_.busy();
  data_.stop();
  if (thread_.joinable()) thread_.join();
  data_.join();
  if (premature)
    fail_all({errc::failed_precondition,
              fmt::format("rank {} was finalized while operations were under way", options_.rank)});
  if (!failed_) send_all(frame_type::goodbye, {});
  data_.close();
  // Closing a connection with unread input would take back the last frames that were sent on it.
  for (auto& each : reducers_)
    if (each.alive) {
      each.control.receive(max_trusted_frame_bytes);
      each.control.close();
    }
  hub_.receive(max_trusted_frame_bytes);
  hub_.close();
  own_hub_.reset();
}

void rank_session::abandon_after_fork() {
  for (auto& each : reducers_)
    each.control.close();
  hub_.close();
  if (own_hub_) own_hub_->abandon_after_fork();
}

uint32_t rank_session::reducers_alive() const {
  const mutex_lock lock(mutex_);
  return alive_;
}

std::string rank_session::waiting_for(time_point now) const {
  const mutex_lock lock(mutex_);
  return now - waiting_since_ < waiting_text_lifetime ? waiting_for_ : "";
}

} // namespace troupe::reduction
