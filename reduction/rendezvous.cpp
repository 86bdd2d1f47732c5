#include "reduction/rendezvous.hpp"

#include <algorithm>
#include <poll.h>
#include <set>
#include <thread>
#include <unistd.h>

namespace troupe::reduction {
namespace {

constexpr milliseconds retry_after{100};
// The reducer has the same deadline, and its verdict names the ranks that are missing: let it speak
// first.
constexpr milliseconds verdict_grace{2000};

std::string this_place() {
  char host[256] = "?";
  gethostname(host, sizeof host - 1);
  return fmt::format("host {} pid {}", host, getpid());
}

// The handshake with one reducer, retried from the start whenever the connection breaks before the
// welcome.
class encounter {
public:
  encounter(const communicator_options& options, size_t index, const socket_address& target,
            const am_worker& data)
      : options_(options), index_(index), target_(target), data_(data) {}

  bool met() const { return terms_.has_value(); }
  const std::string& trouble() const { return trouble_; }
  bool proven() const { return hello_sent_; }
  int fd() const { return control_.is_open() && !control_.lost() ? control_.fd() : -1; }
  result<> advance(time_point now);
  met_reducer take() { return {std::move(control_), std::move(*terms_)}; }
  void abort(const error& why);

private:
  void connect(time_point now);
  void retry_later(time_point now, std::string trouble);
  result<> hear(const frame& frame, time_point now);
  std::unexpected<error> refused(const error& why) const {
    return fail(why.code, "{}: {}", reducer_name(options_, index_), why.message);
  }

  const communicator_options& options_;
  size_t index_;
  socket_address target_;
  const am_worker& data_;
  frame_socket control_;
  time_point next_try_;
  time_point next_beat_;
  nonce worker_nonce_{};
  bool hello_sent_ = false;
  std::optional<welcome> terms_;
  std::string trouble_ = "not tried yet";
};

void encounter::connect(time_point now) {
  auto control = frame_socket::connect_to(target_);
  if (!control) return retry_later(now, control.error().message);
  control_ = std::move(*control);
  worker_nonce_ = fresh_nonce();
  hello_sent_ = false;
}

void encounter::retry_later(time_point now, std::string trouble) {
  trouble_ = std::move(trouble);
  control_ = frame_socket();
  hello_sent_ = false;
  next_try_ = now + retry_after;
}

result<> encounter::advance(time_point now) {
  if (met()) {
    // It counts on hearing from us, and may still tell that it is over, before we have met the
    // others.
    if (now >= next_beat_) {
      control_.send(frame_type::heartbeat);
      next_beat_ = now + milliseconds(options_.timeout_ms / 4);
    }
    for (const auto& frame : control_.receive())
      if (auto heard = hear(frame, now); !heard) return heard;
    if (control_.lost())
      return fail(errc::unavailable, "{} is lost: {}", reducer_name(options_, index_),
                  control_.lost_reason());
    return {};
  }
  if (!control_.is_open()) {
    if (now >= next_try_) connect(now);
    return {};
  }
  for (const auto& frame : control_.receive())
    if (auto heard = hear(frame, now); !heard) return heard;
  if (control_.lost()) retry_later(now, control_.lost_reason());
  return {};
}

result<> encounter::hear(const frame& frame, time_point now) {
  switch (frame.type) {
  case frame_type::challenge: {
    const auto asked = decode_challenge(frame.payload);
    if (!asked) return refused(asked.error());
    const hello words{options_.rank, options_.world_size, options_.attempt, options_.job,
                      this_place(),  worker_nonce_,       {data_.address()}};
    control_.send(frame_type::hello, encode(words, asked->server_nonce, options_.token));
    hello_sent_ = true;
    trouble_ = "it waits for the other ranks";
    return {};
  }
  case frame_type::reject: {
    const auto no = decode_rejection(frame.payload);
    if (!no) return refused(no.error());
    if (no->retry)
      retry_later(now, no->reason);
    else
      return refused({no->code, fmt::format("it refused this rank: {}", no->reason)});
    return {};
  }
  case frame_type::failed: {
    const auto why = decode_verdict(frame.payload);
    if (!why) return refused(why.error());
    return refused({why->code, why->text});
  }
  case frame_type::welcome: {
    auto terms = decode_welcome(frame.payload, worker_nonce_, options_.token);
    if (!terms) return refused(terms.error());
    terms_ = std::move(*terms);
    return {};
  }
  default:
    return {};
  }
}

void encounter::abort(const error& why) {
  if (!proven() || !control_.is_open()) return;
  control_.send(
      frame_type::aborted,
      encode(verdict{why.code, fmt::format("rank {} gave up: {}", options_.rank, why.message)}));
  control_.finish_sending();
}

result<std::vector<socket_address>> resolve_all(const communicator_options& options,
                                                time_point deadline) {
  std::vector<socket_address> targets;
  while (targets.size() < options.reducers.size()) {
    auto target = resolve(options.reducers[targets.size()]);
    if (target) {
      targets.push_back(*target);
      continue;
    }
    if (steady_clock::now() >= deadline)
      return fail(errc::deadline_exceeded, "{}: {}", reducer_name(options, targets.size()),
                  target.error().message);
    std::this_thread::sleep_for(retry_after);
  }
  return targets;
}

result<std::unique_ptr<am_worker>> open_data_path(const std::vector<socket_address>& targets) {
  std::set<std::string> interfaces;
  for (const auto& target : targets) {
    auto name = interface_toward(target);
    if (!name) return std::unexpected(name.error());
    interfaces.insert(*name);
  }
  auto made = am_worker::create({interfaces.begin(), interfaces.end()});
  if (!made) return made;
  // Reducers answer on the connections that this side opens: nobody needs to reach this worker's
  // port.
  if (auto sealed = (*made)->seal(); !sealed) return std::unexpected(sealed.error());
  return made;
}

result<> check(const communicator_options& options) {
  if (options.reducers.empty())
    return fail(errc::invalid_argument, "no reducers are given; set TROUPE_REDUCERS=host:port,...");
  if (options.token.empty())
    return fail(errc::invalid_argument, "the job's token is missing; set TROUPE_TOKEN");
  if (options.world_size == 0 || options.world_size > max_world_size
      || options.rank >= options.world_size)
    return fail(errc::invalid_argument,
                "rank {} of {}: expected a rank below a world size of 1 to {}", options.rank,
                options.world_size, max_world_size);
  if (options.timeout_ms == 0)
    return fail(errc::invalid_argument, "a timeout of 0 ms: expected at least 1");
  return {};
}

result<> advance_until_met(const communicator_options& options, std::vector<encounter>& all,
                           time_point deadline) {
  while (true) {
    auto now = steady_clock::now();
    for (auto& each : all)
      if (auto moved = each.advance(now); !moved) return moved;
    const auto missing = std::ranges::find_if(all, [](const auto& each) { return !each.met(); });
    if (missing == all.end()) return {};
    const bool late = now >= deadline + (missing->proven() ? verdict_grace : milliseconds(0));
    if (late)
      return fail(errc::deadline_exceeded, "no welcome from {} within {} ms: {}",
                  reducer_name(options, static_cast<size_t>(missing - all.begin())),
                  options.connect_timeout_ms, missing->trouble());
    std::vector<pollfd> fds;
    for (const auto& each : all)
      fds.push_back({each.fd(), POLLIN, 0});
    poll(fds.data(), fds.size(), static_cast<int>(retry_after.count() / 2));
  }
}

} // namespace

std::string reducer_name(const communicator_options& options, size_t index) {
  return fmt::format("reducer {} ({})", index, options.reducers[index].text());
}

result<meeting> meet_reducers(const communicator_options& options) {
  if (auto good = check(options); !good) return std::unexpected(good.error());
  const auto deadline = steady_clock::now() + milliseconds(options.connect_timeout_ms);
  const auto targets = resolve_all(options, deadline);
  if (!targets) return std::unexpected(targets.error());
  auto data = open_data_path(*targets);
  if (!data) return std::unexpected(data.error());

  std::vector<encounter> all;
  all.reserve(targets->size());
  for (size_t i = 0; i < targets->size(); ++i)
    all.emplace_back(options, i, (*targets)[i], **data);
  if (auto met = advance_until_met(options, all, deadline); !met) {
    for (auto& each : all)
      each.abort(met.error());
    return std::unexpected(met.error());
  }
  meeting out{std::move(*data), {}};
  for (auto& each : all)
    out.reducers.push_back(each.take());
  const auto& first = out.reducers.front().terms;
  for (size_t i = 1; i < out.reducers.size(); ++i)
    if (const auto& terms = out.reducers[i].terms;
        terms.chunk_bytes != first.chunk_bytes || terms.slots != first.slots)
      return fail(errc::failed_precondition,
                  "{} works with {} slots of {} bytes, but {} with {} slots of {} bytes; give all "
                  "reducers the same settings",
                  reducer_name(options, 0), first.slots, first.chunk_bytes,
                  reducer_name(options, i), terms.slots, terms.chunk_bytes);
  return out;
}

} // namespace troupe::reduction
