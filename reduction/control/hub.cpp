#include "reduction/control/hub.hpp"

#include <algorithm>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

namespace troupe::reduction {

hub::hub(settings chosen)
    : settings_(std::move(chosen)),
      members_({"this job", settings_.job, settings_.attempt, settings_.world_size,
                settings_.timeout_ms, settings_.connect_timeout_ms},
               {[this](uint32_t, error why) { members_.fail_all(std::move(why)); },
                [this](uint32_t rank, const frame& message) { receive(rank, message); }},
               nullptr),
      listener_({5'000, [this](const auto&) { return settings_.token; },
                 [this](handshake_listener::candidate& newcomer) {
                   return members_.admit(newcomer, steady_clock::now());
                 }},
                nullptr),
      stop_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), key_(fresh_nonce()) {}

result<std::unique_ptr<hub>> hub::open(settings chosen) {
  std::unique_ptr<hub> made(new hub(std::move(chosen)));
  if (auto listening = made->listener_.listen(made->settings_.listen); !listening)
    return std::unexpected(listening.error());
  made->port_ = made->listener_.address().port();
  made->thread_ = std::thread([self = made.get()] {
    pthread_setname_np(pthread_self(), "troupe-hub");
    self->run();
  });
  return made;
}

hub::~hub() {
  stopping_ = true;
  eventfd_write(stop_fd_.value(), 1);
  if (thread_.joinable()) thread_.join();
}

void hub::abandon_after_fork() { thread_.detach(); }

void hub::run() {
  std::optional<time_point> patience;
  time_point next_tick;
  while (true) {
    auto now = steady_clock::now();
    if (stopping_ && !patience) patience = now + milliseconds(settings_.timeout_ms);
    const bool last = !members_.started() || members_.failed() || members_.all_gone();
    if (patience && (last || now >= *patience)) break;
    // The stop is read once; after that the hub only waits for the ranks to leave.
    std::vector<pollfd> fds{{patience ? -1 : stop_fd_.value(), POLLIN, 0}};
    listener_.add_poll_fds(fds);
    members_.add_poll_fds(fds);
    const auto rest = std::chrono::ceil<milliseconds>(next_tick - now).count();
    poll(fds.data(), fds.size(), static_cast<int>(std::max<int64_t>(rest, 0)));
    now = steady_clock::now();
    listener_.serve(now);
    members_.serve(now);
    if (members_.complete() && !members_.started()) start();
    if (round_open_) close_round();
    if (now >= next_tick) {
      members_.tick(now);
      next_tick = now + std::min(milliseconds(100), milliseconds(settings_.timeout_ms / 8 + 1));
    }
  }
  members_.say_farewell();
}

void hub::start() {
  roster everyone;
  everyone.key = key_;
  everyone.kappa = settings_.kappa;
  for (uint32_t rank = 0; rank < members_.size(); ++rank) {
    const auto& each = members_.at(rank);
    // Rank 0 comes over the loopback; the others know it by the address where they found it.
    const auto host = rank == 0 && members_.size() > 1 ? own_ipv4(members_.at(1).control.fd())
                                                       : peer_ipv4(each.control.fd());
    everyone.ranks.push_back(
        {each.identity.machine, host.value_or(0), each.identity.place, each.identity.lanes});
  }
  members_.start(frame_type::roster, [&](uint32_t rank) {
    return encode(everyone, members_.at(rank).identity.worker_nonce, settings_.token);
  });
}

void hub::receive(uint32_t rank, const frame& message) {
  if (message.type == frame_type::missing) {
    if (const auto report = decode_missing(message.payload)) on_missing(*report);
  } else if (message.type == frame_type::progress) {
    if (auto report = decode_progress(message.payload)) on_progress(rank, std::move(*report));
  }
}

void hub::on_missing(const missing& report) {
  const bool known =
      std::ranges::any_of(lost_, [&](const auto& each) { return each.reducer == report.reducer; });
  if (known) return;
  lost_.push_back({report.reducer, printable(report.reason)});
  ++round_;
  round_open_ = true;
  reports_.clear();
  members_.send_all(frame_type::pause, encode(pause_order{round_, lost_}));
}

void hub::on_progress(uint32_t rank, progress_report report) {
  if (report.round == round_) reports_[rank] = std::move(report);
}

// When every rank that has not left has reported.
void hub::close_round() {
  resume_order order;
  order.round = round_;
  std::map<std::pair<uint32_t, uint32_t>, std::vector<std::pair<uint32_t, uint32_t>>> streams;
  std::set<uint32_t> ended;
  for (uint32_t rank = 0; rank < members_.size(); ++rank) {
    const auto report = reports_.find(rank);
    if (report == reports_.end()) {
      if (members_.at(rank).state != member_state::gone) return;
      ended.insert(every_group); // no rank leaves before all have reached the end of everything
      continue;
    }
    for (const auto& at : report->second.streams)
      streams[{at.group, at.lane}].emplace_back(rank, at.received);
    ended.insert(report->second.ended.begin(), report->second.ended.end());
  }
  for (auto& [stream, received] : streams)
    order.streams.push_back({stream.first, stream.second, std::move(received)});
  order.ended.assign(ended.begin(), ended.end());
  members_.send_all(frame_type::resume, encode(order));
  round_open_ = false;
}

} // namespace troupe::reduction
