#include "reduction/control/membership.hpp"

#include <algorithm>
#include <poll.h>
#include <set>

namespace troupe::reduction {
namespace {

// Time in which a control connection can give the reason why a data connection broke.
constexpr milliseconds suspicion_grace{300};

std::string rank_list(const std::vector<uint32_t>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

bool is_here(const member& each) {
  return each.state == member_state::joined || each.state == member_state::active;
}

} // namespace

membership::membership(rules chosen, callbacks handlers, event_log* log)
    : rules_(std::move(chosen)), callbacks_(std::move(handlers)), log_(log),
      members_(rules_.world_size), suspicions_(rules_.world_size) {}

void membership::add_poll_fds(std::vector<pollfd>& out) const {
  for (const auto& each : members_)
    if (each.control.is_open() && !each.control.lost())
      out.push_back({each.control.fd(), POLLIN, 0});
}

void membership::serve(time_point now) {
  for (uint32_t rank = 0; rank < members_.size(); ++rank)
    receive(rank, now);
}

std::optional<rejection> membership::objection_to(const hello& identity) const {
  const auto differ = [this](bool retry, std::string_view subject, const auto& theirs,
                             const auto& ours) {
    return rejection{retry, errc::failed_precondition,
                     fmt::format("{} serves {} {}, not {}", rules_.self, subject, ours, theirs)};
  };
  if (identity.job != rules_.job)
    return differ(false, "the job", printable(identity.job), rules_.job);
  // A worker of a later attempt may find the reducer of the one before, on its way out.
  if (identity.attempt != rules_.attempt)
    return differ(identity.attempt > rules_.attempt, "attempt", identity.attempt, rules_.attempt);
  if (identity.world_size != rules_.world_size)
    return differ(false, "a world of size", identity.world_size, rules_.world_size);
  if (identity.rank >= rules_.world_size)
    return rejection{
        false, errc::invalid_argument,
        fmt::format("rank {} is not below the world size {}", identity.rank, rules_.world_size)};
  if (failure_) return rejection{false, failure_->code, failure_->message};
  if (members_[identity.rank].state != member_state::absent)
    return rejection{!started_, errc::already_exists,
                     fmt::format("{} is connected already, from {}", name(identity.rank),
                                 members_[identity.rank].from)};
  return std::nullopt;
}

std::optional<rejection> membership::admit(handshake_listener::candidate& newcomer,
                                           time_point now) {
  if (auto objection = objection_to(newcomer.identity)) return objection;
  auto& joining = members_[newcomer.identity.rank];
  joining.control = std::move(newcomer.control);
  joining.from = std::move(newcomer.from);
  joining.identity = std::move(newcomer.identity);
  joining.state = member_state::joined;
  joining.last_heard = now;
  ++joined_;
  if (!assembly_deadline_) assembly_deadline_ = now + milliseconds(rules_.connect_timeout_ms);
  if (log_ != nullptr)
    log_->info("event=joined job={} rank={} from={} place=\"{}\" present={} expected={}",
               printable(rules_.job), joining.identity.rank, joining.from,
               printable(joining.identity.place), joined_, rules_.world_size);
  return std::nullopt;
}

std::vector<std::string> membership::interfaces() const {
  std::set<std::string> names;
  for (const auto& each : members_)
    if (auto name = interface_of(each.control.fd()); name) names.insert(*name);
  return {names.begin(), names.end()};
}

std::optional<std::vector<uint32_t>> membership::hosts() const {
  std::set<uint32_t> out;
  for (const auto& each : members_) {
    const auto host = peer_ipv4(each.control.fd());
    if (!host) return std::nullopt;
    out.insert(*host);
  }
  return std::vector<uint32_t>(out.begin(), out.end());
}

void membership::start(frame_type type,
                       const std::function<byte_vector(uint32_t rank)>& payload_for) {
  started_ = true;
  const auto now = steady_clock::now();
  for (uint32_t rank = 0; rank < members_.size(); ++rank) {
    auto& each = members_[rank];
    each.state = member_state::active;
    each.last_heard = now;
    each.control.send(type, payload_for(rank));
  }
}

void membership::send_all(frame_type type, byte_span payload) {
  for (auto& each : members_)
    if (is_here(each)) each.control.send(type, payload);
}

void membership::receive(uint32_t rank, time_point now) {
  auto& each = members_[rank];
  if (!is_here(each)) return;
  for (const auto& frame : each.control.receive(max_trusted_frame_bytes)) {
    each.last_heard = now;
    if (frame.type == frame_type::heartbeat) continue;
    if (frame.type == frame_type::goodbye) {
      each.state = member_state::gone;
      ++gone_;
      each.control.close();
      if (log_ != nullptr) log_->info("event=goodbye job={} rank={}", printable(rules_.job), rank);
      return;
    }
    if (frame.type == frame_type::aborted) {
      const auto why = decode_verdict(frame.payload);
      return fail_all({why ? why->code : errc::unknown,
                       why ? printable(why->text) : fmt::format("{} gave up", name(rank))});
    }
    callbacks_.received(rank, frame);
  }
  if (each.control.lost())
    lose(rank, errc::unavailable,
         fmt::format("{} without a goodbye; its process most likely died, see its log",
                     each.control.lost_reason()));
}

void membership::suspect(uint32_t rank, const std::string& reason, time_point now) {
  if (!suspicions_[rank]) suspicions_[rank] = {now, reason};
}

void membership::lose(uint32_t rank, errc code, const std::string& reason) {
  auto& each = members_[rank];
  if (!started_) {
    // The job has not begun: the rank may join again before the deadline.
    if (log_ != nullptr) log_->warning("event=left rank={} reason=\"{}\"", rank, reason);
    each = member();
    --joined_;
    return;
  }
  error why{code, fmt::format("{} is lost: {}", name(rank), reason)};
  each.state = member_state::lost;
  each.control.close();
  ++lost_;
  callbacks_.lost(rank, std::move(why));
}

std::string membership::name(uint32_t rank) const {
  const auto& place = members_[rank].identity.place;
  return place.empty() ? fmt::format("rank {}", rank)
                       : fmt::format("rank {} ({})", rank, printable(place));
}

void membership::tick(time_point now) {
  if (failure_) return;
  if (!started_ && assembly_deadline_ && now >= *assembly_deadline_) {
    std::vector<uint32_t> missing;
    for (uint32_t rank = 0; rank < members_.size(); ++rank)
      if (members_[rank].state == member_state::absent) missing.push_back(rank);
    return fail_all(
        {errc::deadline_exceeded, fmt::format("{} did not connect within {} ms of the first rank",
                                              rank_list(missing), rules_.connect_timeout_ms)});
  }
  if (!started_) return;
  // If this process was stopped itself, it cannot know whether the ranks were silent meanwhile.
  if (now - last_tick_ > milliseconds(rules_.timeout_ms / 2))
    for (auto& each : members_)
      each.last_heard = now;
  last_tick_ = now;
  const bool beat = now >= next_heartbeat_;
  if (beat)
    next_heartbeat_ = now + std::min(milliseconds(1000), milliseconds(rules_.timeout_ms / 4));
  for (uint32_t rank = 0; rank < members_.size() && !failure_; ++rank) {
    auto& each = members_[rank];
    if (each.state != member_state::active) continue;
    if (beat) each.control.send(frame_type::heartbeat);
    each.control.flush();
    const auto& suspicion = suspicions_[rank];
    if (suspicion && now - suspicion->first > suspicion_grace)
      lose(rank, errc::unavailable,
           fmt::format("its data connection failed ({})", suspicion->second));
    else if (now - each.last_heard > milliseconds(rules_.timeout_ms))
      lose(rank, errc::deadline_exceeded,
           fmt::format("silent for more than {} ms; its process or its machine is stopped, or the "
                       "network between is cut",
                       rules_.timeout_ms));
  }
}

void membership::fail_all(error why) {
  if (failure_) return;
  failure_ = std::move(why);
  if (log_ != nullptr) {
    // A reducer is usually asked to stop when its job is over: no failure.
    if (failure_->code == errc::cancelled)
      log_->info("event=stopped job={} reason=\"{}\"", printable(rules_.job), failure_->message);
    else
      log_->failure("event=failed job={} code={} reason=\"{}\"", printable(rules_.job),
                    name_of(failure_->code), failure_->message);
  }
  const auto payload = encode(verdict{failure_->code, failure_->message});
  for (auto& each : members_)
    if (is_here(each)) {
      each.control.send(frame_type::failed, payload);
      each.control.finish_sending();
    }
}

void membership::say_farewell() {
  // Closing a socket that holds unread input discards what the other side has not read yet, so this
  // side reads until the other closes.
  constexpr milliseconds patience{1000};
  const auto deadline = steady_clock::now() + patience;
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
