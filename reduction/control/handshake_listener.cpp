#include "reduction/control/handshake_listener.hpp"

#include <bit>
#include <poll.h>

namespace troupe::reduction {
namespace {

// Connections that have not proved themselves are cheap, but each is a file descriptor: the oldest
// is dropped first.
constexpr size_t max_strangers = 256;

} // namespace

std::string printable(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == '"') c = '?';
  return text.substr(0, 2048);
}

result<> handshake_listener::listen(const host_port& address) {
  auto listener = listen_on(address);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  return {};
}

void handshake_listener::close() {
  listener_ = unique_fd();
  strangers_.clear();
}

void handshake_listener::add_poll_fds(std::vector<pollfd>& out) const {
  if (listener_) out.push_back({listener_.value(), POLLIN, 0});
  for (const auto& each : strangers_)
    out.push_back({each.control.fd(), POLLIN, 0});
}

void handshake_listener::serve(time_point now) {
  if (listener_) accept_strangers(now);
  std::erase_if(strangers_, [&](stranger& each) { return receive_hello(each, now); });
}

void handshake_listener::accept_strangers(time_point now) {
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

// A flood of strangers must not become a flood of lines: after the first few, only every power of
// two is logged.
void handshake_listener::log_drop(std::string_view from, std::string_view reason) {
  ++dropped_;
  if (log_ != nullptr && (dropped_ <= 16 || std::has_single_bit(dropped_)))
    log_->warning("event=dropped from={} reason=\"{}\" dropped_total={}", from, reason, dropped_);
}

// True when the caller is no stranger any more: it was admitted or dropped.
bool handshake_listener::receive_hello(stranger& caller, time_point now) {
  const auto drop = [&](std::string_view reason) {
    log_drop(caller.from, reason);
    return true;
  };
  const auto frames = caller.control.receive(16 * 1024);
  if (frames.empty()) {
    if (caller.control.lost()) return drop(caller.control.lost_reason());
    return now >= caller.deadline ? drop("no hello in time") : false;
  }
  if (frames.front().type != frame_type::hello) return drop("not a hello");
  const auto& payload = frames.front().payload;
  const auto job = job_of_hello(payload);
  if (!job) return drop(job.error().message);
  // A caller that names a job which is not served here must not learn that from the refusal.
  const auto token = rules_.token_of(*job);
  auto identity = decode_hello(payload, caller.server_nonce, token.value_or(""));
  if (!identity && identity.error().code == errc::invalid_argument)
    return drop(identity.error().message);
  if (!identity) return turn_away(caller, {false, identity.error().code, identity.error().message});
  candidate made{std::move(*identity), std::move(caller.control), caller.from};
  if (const auto objection = rules_.admit(made)) {
    caller.control = std::move(made.control);
    return turn_away(caller, *objection);
  }
  return true;
}

bool handshake_listener::turn_away(stranger& caller, const rejection& why) {
  caller.control.send(frame_type::reject, encode(why));
  caller.control.finish_sending();
  log_drop(caller.from, why.reason);
  return true;
}

} // namespace troupe::reduction
