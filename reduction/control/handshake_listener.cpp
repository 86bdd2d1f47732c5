#include "reduction/control/handshake_listener.hpp"

#include <bit>
#include <poll.h>

namespace troupe::reduction {
namespace {

// Connections that have not proved themselves are cheap, but they are file descriptors: the oldest
// goes first.
constexpr size_t max_strangers = 256;

} // namespace

std::string printable(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == '"') c = '?';
  return text.substr(0, 2048);
}

result<> door::listen(const host_port& where) {
  auto listener = listen_on(where);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  return {};
}

void door::close() {
  listener_ = unique_fd();
  strangers_.clear();
}

void door::add_poll_fds(std::vector<pollfd>& out) const {
  if (listener_) out.push_back({listener_.value(), POLLIN, 0});
  for (const auto& each : strangers_)
    out.push_back({each.control.fd(), POLLIN, 0});
}

void door::serve(time_point now) {
  if (listener_) accept_strangers(now);
  std::erase_if(strangers_, [&](stranger& each) { return hear(each, now); });
}

void door::accept_strangers(time_point now) {
  while (auto accepted = accept_one(listener_.value())) {
    auto& [fd, from] = *accepted;
    strangers_.push_back({frame_socket(std::move(fd)), fresh_nonce(), from.text(),
                          now + milliseconds(rules_.handshake_timeout_ms)});
    auto& newest = strangers_.back();
    newest.control.send(frame_type::challenge,
                        encode(challenge{protocol_version, newest.server_nonce}));
    if (strangers_.size() > max_strangers) {
      log_drop(strangers_.front().from, "too many unproven connections");
      strangers_.pop_front();
    }
  }
}

// A flood of strangers must not become a flood of lines: after the first few only every power of
// two is told.
void door::log_drop(std::string_view from, std::string_view reason) {
  ++dropped_;
  if (log_ != nullptr && (dropped_ <= 16 || std::has_single_bit(dropped_)))
    log_->warning("event=dropped from={} reason=\"{}\" dropped_total={}", from, reason, dropped_);
}

// True when the stranger is done with: admitted or dropped.
bool door::hear(stranger& from, time_point now) {
  const auto drop = [&](std::string_view reason) {
    log_drop(from.from, reason);
    return true;
  };
  const auto frames = from.control.receive(16 * 1024);
  if (frames.empty()) {
    if (from.control.lost()) return drop(from.control.lost_reason());
    return now >= from.deadline ? drop("no hello in time") : false;
  }
  if (frames.front().type != frame_type::hello) return drop("not a hello");
  const auto& words = frames.front().payload;
  const auto job = job_of_hello(words);
  if (!job) return drop(job.error().message);
  // Who names a job that is not here must not learn that from how it is refused.
  const auto token = rules_.token_of(*job);
  auto who = decode_hello(words, from.server_nonce, token.value_or(""));
  if (!who && who.error().code == errc::invalid_argument) return drop(who.error().message);
  if (!who) return turn_away(from, {false, who.error().code, who.error().message});
  visitor made{std::move(*who), std::move(from.control), from.from};
  if (const auto objection = rules_.admit(made)) {
    from.control = std::move(made.control);
    return turn_away(from, *objection);
  }
  return true;
}

bool door::turn_away(stranger& from, const rejection& why) {
  from.control.send(frame_type::reject, encode(why));
  from.control.finish_sending();
  log_drop(from.from, why.reason);
  return true;
}

} // namespace troupe::reduction
