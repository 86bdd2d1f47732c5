#include "reduction/membership.hpp"

#include <algorithm>
#include <poll.h>
#include <set>

namespace troupe::reduction {
namespace {

// Connections that have not proved themselves are cheap, but they are file descriptors: the oldest
// goes first.
constexpr size_t max_strangers = 256;
// Time for a control connection to say why a data connection broke.
constexpr milliseconds suspicion_grace{300};

// What a stranger sends is shown to nobody; what a job's member says may reach a log line.
std::string printable(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == '"') c = '?';
  return text.substr(0, 2048);
}

std::string rank_list(const std::vector<uint32_t>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

} // namespace

membership::membership(const reducer_options& options, reducer_log& log)
    : options_(options), log_(log), members_(options.world_size) {}

result<> membership::listen() {
  auto listener = listen_on({options_.bind_address, options_.port});
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  const auto address = local_address(listener_.number());
  log_.info("event=listening address={} job={} attempt={} world_size={}", address.text(),
            options_.job, options_.attempt, options_.world_size);
  if (options_.on_listening) options_.on_listening(address.port());
  return {};
}

void membership::add_poll_fds(std::vector<pollfd>& out) const {
  out.push_back({listener_.number(), POLLIN, 0});
  for (const auto& each : strangers_)
    out.push_back({each.control.fd(), POLLIN, 0});
  for (const auto& each : members_)
    if (each.control.is_open() && !each.control.lost())
      out.push_back({each.control.fd(), POLLIN, 0});
}

void membership::serve(time_point now) {
  accept_strangers(now);
  std::erase_if(strangers_, [&](stranger& each) { return hear(each, now); });
  for (uint32_t rank = 0; rank < members_.size(); ++rank)
    hear(rank, now);
}

void membership::accept_strangers(time_point now) {
  while (auto accepted = accept_one(listener_.number())) {
    auto& [fd, from] = *accepted;
    strangers_.push_back({frame_socket(std::move(fd)), fresh_nonce(), from.text(),
                          now + milliseconds(options_.handshake_timeout_ms)});
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
void membership::log_drop(std::string_view from, std::string_view reason) {
  ++dropped_;
  if (dropped_ <= 16 || std::has_single_bit(dropped_))
    log_.warning("event=dropped from={} reason=\"{}\" dropped_total={}", from, reason, dropped_);
}

bool membership::hear(stranger& from, time_point now) {
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
  auto who = decode_hello(frames.front().payload, from.server_nonce, options_.token);
  std::optional<rejection> objection;
  if (!who && who.error().code == errc::invalid_argument) return drop(who.error().message);
  if (!who)
    objection = rejection{false, who.error().code, who.error().message};
  else
    objection = objection_to(*who);
  if (objection) {
    from.control.send(frame_type::reject, encode(*objection));
    from.control.finish_sending();
    return drop(objection->reason);
  }
  admit(from, std::move(*who), now);
  return true;
}

std::optional<rejection> membership::objection_to(const hello& who) const {
  const auto differ = [](bool retry, std::string_view what, const auto& theirs, const auto& ours) {
    return rejection{retry, errc::failed_precondition,
                     fmt::format("this reducer serves {} {}, not {}", what, ours, theirs)};
  };
  if (who.job != options_.job) return differ(false, "the job", printable(who.job), options_.job);
  // A worker of a later attempt may find the reducer of the one before, on its way out.
  if (who.attempt != options_.attempt)
    return differ(who.attempt > options_.attempt, "attempt", who.attempt, options_.attempt);
  if (who.world_size != options_.world_size)
    return differ(false, "a world of size", who.world_size, options_.world_size);
  if (who.rank >= options_.world_size)
    return rejection{
        false, errc::invalid_argument,
        fmt::format("rank {} is not below the world size {}", who.rank, options_.world_size)};
  if (failure_) return rejection{false, failure_->code, failure_->message};
  if (members_[who.rank].state != member_state::absent)
    return rejection{
        !started_, errc::already_exists,
        fmt::format("{} is connected already, from {}", name(who.rank), members_[who.rank].from)};
  return std::nullopt;
}

void membership::admit(stranger& from, hello who, time_point now) {
  auto& joining = members_[who.rank];
  joining.control = std::move(from.control);
  joining.from = from.from;
  joining.who = std::move(who);
  joining.state = member_state::joined;
  joining.last_heard = now;
  joining.secret = fresh_secret();
  ++joined_;
  if (!assembly_deadline_) assembly_deadline_ = now + milliseconds(options_.connect_timeout_ms);
  log_.info("event=joined rank={} from={} place=\"{}\" present={} expected={}", joining.who.rank,
            joining.from, printable(joining.who.place), joined_, options_.world_size);
}

std::vector<std::string> membership::interfaces() const {
  std::set<std::string> names;
  for (const auto& each : members_)
    if (auto name = interface_of(each.control.fd()); name) names.insert(*name);
  return {names.begin(), names.end()};
}

result<> membership::welcome_all(am_worker& data) {
  started_ = true;
  const auto now = steady_clock::now();
  std::set<uint32_t> hosts;
  bool only_v4 = true;
  for (const auto& each : members_) {
    const auto host = peer_ipv4(each.control.fd());
    only_v4 &= host.has_value();
    if (host) hosts.insert(*host);
  }
  const std::vector<uint32_t> admitted(hosts.begin(), hosts.end());
  if (only_v4)
    if (auto guarded = data.admit_only(admitted); !guarded) return guarded;
  for (auto& each : members_) {
    each.state = member_state::active;
    each.last_heard = now;
    const welcome words{options_.chunk_bytes, options_.slots, each.secret, {data.address()}};
    each.control.send(frame_type::welcome, encode(words, each.who.worker_nonce, options_.token));
  }
  log_.info("event=started world_size={} chunk_bytes={} slots={}", options_.world_size,
            options_.chunk_bytes, options_.slots);
  return {};
}

result<> membership::attach(uint32_t rank, am_worker& data) {
  auto& each = members_[rank];
  auto endpoint = data.connect(each.who.lanes.front(), [this, rank](const std::string& reason) {
    members_[rank].suspicion = {steady_clock::now(), reason};
  });
  if (!endpoint) return fail(endpoint.error().code, "{}: {}", name(rank), endpoint.error().message);
  each.data = *endpoint;
  return ++attached_ == options_.world_size ? data.seal() : result<>{};
}

void membership::hear(uint32_t rank, time_point now) {
  auto& each = members_[rank];
  if (each.state != member_state::joined && each.state != member_state::active) return;
  for (const auto& frame : each.control.receive()) {
    each.last_heard = now;
    if (frame.type == frame_type::goodbye) {
      each.state = member_state::gone;
      ++gone_;
      departed_lately_ = true;
      each.control.close();
      log_.info("event=goodbye rank={}", rank);
      return;
    }
    if (frame.type == frame_type::aborted) {
      const auto why = decode_verdict(frame.payload);
      return fail_all({why ? why->code : errc::unknown,
                       why ? printable(why->text) : fmt::format("{} gave up", name(rank))});
    }
  }
  if (each.control.lost()) lose(rank, each.control.lost_reason());
}

void membership::lose(uint32_t rank, const std::string& how) {
  auto& each = members_[rank];
  if (each.state == member_state::joined && !started_) {
    // Nothing has begun: it may come back before the deadline.
    log_.warning("event=left rank={} reason=\"{}\"", rank, how);
    each = member();
    --joined_;
    return;
  }
  fail_all(
      {errc::unavailable,
       fmt::format("{} is lost: {} without a goodbye; its process most likely died, see its log",
                   name(rank), how)});
}

std::string membership::name(uint32_t rank) const {
  const auto& place = members_[rank].who.place;
  return place.empty() ? fmt::format("rank {}", rank)
                       : fmt::format("rank {} ({})", rank, printable(place));
}

bool membership::knows(uint32_t rank, uint64_t secret) const {
  return rank < members_.size() && members_[rank].state == member_state::active
         && members_[rank].secret == secret;
}

void membership::tick(time_point now) {
  if (failure_) return;
  if (!started_ && assembly_deadline_ && now >= *assembly_deadline_) {
    std::vector<uint32_t> missing;
    for (uint32_t rank = 0; rank < members_.size(); ++rank)
      if (members_[rank].state == member_state::absent) missing.push_back(rank);
    return fail_all(
        {errc::deadline_exceeded, fmt::format("{} did not connect within {} ms of the first rank",
                                              rank_list(missing), options_.connect_timeout_ms)});
  }
  if (!started_) return;
  // Whoever was stopped itself cannot tell who else was silent meanwhile.
  if (now - last_tick_ > milliseconds(options_.timeout_ms / 2))
    for (auto& each : members_)
      each.last_heard = now;
  last_tick_ = now;
  const bool beat = now >= next_heartbeat_;
  if (beat)
    next_heartbeat_ = now + std::min(milliseconds(1000), milliseconds(options_.timeout_ms / 4));
  for (uint32_t rank = 0; rank < members_.size() && !failure_; ++rank) {
    auto& each = members_[rank];
    if (each.state != member_state::active) continue;
    if (beat) each.control.send(frame_type::heartbeat);
    each.control.flush();
    if (each.suspicion && now - each.suspicion->first > suspicion_grace)
      lose(rank, fmt::format("its data connection failed ({})", each.suspicion->second));
    else if (now - each.last_heard > milliseconds(options_.timeout_ms))
      fail_all({errc::deadline_exceeded,
                fmt::format("{} is lost: silent for more than {} ms; its process or its machine is "
                            "stopped, or the network between is cut",
                            name(rank), options_.timeout_ms)});
  }
}

void membership::fail_all(error why) {
  if (failure_) return;
  // To be told to stop is how a reducer usually ends once its job is over.
  if (why.code == errc::cancelled)
    log_.info("event=stopped reason=\"{}\"", why.message);
  else
    log_.failure("event=failed code={} reason=\"{}\"", name_of(why.code), why.message);
  failure_ = std::move(why);
  const auto words = encode(verdict{failure_->code, failure_->message});
  for (auto& each : members_)
    if (each.state == member_state::joined || each.state == member_state::active) {
      each.control.send(frame_type::failed, words);
      each.control.finish_sending();
    }
}

void membership::say_farewell() {
  // Closing a socket that holds unread input throws away what the other side has not read yet, so
  // read until it closes.
  constexpr milliseconds patience{1000};
  const auto deadline = steady_clock::now() + patience;
  listener_ = unique_fd();
  strangers_.clear();
  while (failure_) {
    std::vector<pollfd> fds;
    for (auto& each : members_) {
      if (each.state != member_state::joined && each.state != member_state::active) continue;
      each.control.receive();
      if (!each.control.lost()) fds.push_back({each.control.fd(), POLLIN, 0});
    }
    const auto rest = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    if (fds.empty() || rest <= 0) return;
    poll(fds.data(), fds.size(), static_cast<int>(rest));
  }
}

} // namespace troupe::reduction
