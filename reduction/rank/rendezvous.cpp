#include "reduction/rank/rendezvous.hpp"

#include <algorithm>
#include <list>
#include <poll.h>
#include <set>
#include <thread>
#include <unistd.h>

namespace troupe::reduction {
namespace {

constexpr milliseconds retry_after{100};
// The reducer has the same deadline, and its verdict names the ranks that are missing: its verdict
// goes first.
constexpr milliseconds verdict_grace{2000};

constexpr std::string_view hub_name = "rank 0's hub";

std::string this_place() {
  char host[256] = "?";
  gethostname(host, sizeof host - 1);
  return fmt::format("host {} pid {}", host, getpid());
}

// The handshake with a reducer or the hub, retried from the start whenever the connection breaks
// before the welcome.
class encounter {
public:
  encounter(const communicator_options& options, std::string name, const socket_address& target,
            const std::vector<byte_vector>& lanes, uint16_t hub_port)
      : options_(options), name_(std::move(name)), target_(target), lanes_(lanes),
        hub_port_(hub_port) {}

  bool met() const { return terms_ || everyone_; }
  const std::string& name() const { return name_; }
  const std::string& trouble() const { return trouble_; }
  bool proven() const { return hello_sent_; }
  int fd() const { return control_.is_open() && !control_.lost() ? control_.fd() : -1; }
  result<> advance(time_point now);
  const std::optional<welcome>& terms() const { return terms_; }
  met_reducer take() { return {std::move(control_), std::move(*terms_)}; }
  std::pair<frame_socket, roster> take_roster() {
    return {std::move(control_), std::move(*everyone_)};
  }
  void abort(const error& why);

private:
  void connect(time_point now);
  void retry_later(time_point now, std::string trouble);
  result<> receive(const frame& frame, time_point now);
  std::unexpected<error> refused(const error& why) const {
    return fail(why.code, "{}: {}", name_, why.message);
  }

  const communicator_options& options_;
  std::string name_;
  socket_address target_;
  const std::vector<byte_vector>& lanes_;
  uint16_t hub_port_;
  frame_socket control_;
  time_point next_try_;
  time_point next_beat_;
  nonce worker_nonce_{};
  bool hello_sent_ = false;
  std::optional<welcome> terms_;
  std::optional<roster> everyone_;
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
    // It expects heartbeats, and may still report a failure, before we have met the others.
    if (now >= next_beat_) {
      control_.send(frame_type::heartbeat);
      next_beat_ = now + milliseconds(options_.timeout_ms / 4);
    }
    for (const auto& frame : control_.receive(max_trusted_frame_bytes))
      if (auto taken = receive(frame, now); !taken) return taken;
    if (control_.lost())
      return fail(errc::unavailable, "{} is lost: {}", name_, control_.lost_reason());
    return {};
  }
  if (!control_.is_open()) {
    if (now >= next_try_) connect(now);
    return {};
  }
  for (const auto& frame : control_.receive(max_trusted_frame_bytes))
    if (auto taken = receive(frame, now); !taken) return taken;
  if (control_.lost()) retry_later(now, control_.lost_reason());
  return {};
}

result<> encounter::receive(const frame& frame, time_point now) {
  switch (frame.type) {
  case frame_type::challenge: {
    const auto asked = decode_challenge(frame.payload);
    if (!asked) return refused(asked.error());
    const hello identity{options_.rank, options_.world_size, options_.attempt,
                         options_.job,  this_place(),        this_machine(),
                         hub_port_,     worker_nonce_,       lanes_};
    control_.send(frame_type::hello, encode(identity, asked->server_nonce, options_.token));
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
  case frame_type::roster: {
    auto everyone = decode_roster(frame.payload, worker_nonce_, options_.token);
    if (!everyone) return refused(everyone.error());
    if (everyone->ranks.size() != options_.world_size)
      return refused({errc::invalid_argument, "its list of ranks is not complete"});
    everyone_ = std::move(*everyone);
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

result<socket_address> resolve_by(const host_port& address, const std::string& name,
                                  time_point deadline) {
  while (true) {
    auto target = resolve(address);
    if (target) return target;
    if (steady_clock::now() >= deadline)
      return fail(errc::deadline_exceeded, "{}: {}", name, target.error().message);
    std::this_thread::sleep_for(retry_after);
  }
}

result<std::vector<std::unique_ptr<am_worker>>>
open_data_path(const std::vector<socket_address>& targets, uint32_t threads, bool closed) {
  std::set<std::string> interfaces;
  for (const auto& target : targets) {
    auto name = interface_toward(target);
    if (!name) return std::unexpected(name.error());
    interfaces.insert(*name);
  }
  std::vector<std::unique_ptr<am_worker>> out;
  while (out.size() < threads) {
    auto made = am_worker::create({interfaces.begin(), interfaces.end()});
    if (!made) return std::unexpected(made.error());
    // Reducers answer on the connections that this side opens: this rank's port need not be
    // reachable until ranks combine chunks. Without reducers they do so from the first moment on.
    if (closed)
      if (auto sealed = (*made)->seal(); !sealed) return std::unexpected(sealed.error());
    out.push_back(std::move(*made));
  }
  return out;
}

result<> check(const communicator_options& options) {
  if (options.reducers.empty() && !options.hub)
    return fail(errc::invalid_argument, "no reducers are given; set TROUPE_REDUCERS=host:port,... "
                                        "(or, to work without any, TROUPE_HUB=host:port, where "
                                        "rank 0 is to listen)");
  if (options.token.empty())
    return fail(errc::invalid_argument, "the job's token is missing; set TROUPE_TOKEN");
  if (options.world_size == 0 || options.world_size > max_world_size
      || options.rank >= options.world_size)
    return fail(errc::invalid_argument,
                "rank {} of {}: expected a rank below a world size of 1 to {}", options.rank,
                options.world_size, max_world_size);
  if (options.timeout_ms == 0)
    return fail(errc::invalid_argument, "a timeout of 0 ms: expected at least 1");
  if (options.threads == 0 || options.threads > 64)
    return fail(errc::invalid_argument, "{} threads: expected 1 to 64", options.threads);
  return {};
}

// The encounters of one rank, the hub's last.
class assembly {
public:
  assembly(const communicator_options& options, time_point deadline)
      : options_(options), deadline_(deadline) {}
  result<meeting> run();

private:
  result<> open();
  result<> open_hub();
  result<> meet_hub_at(const host_port& address);
  result<> advance_until_met();
  result<> check_terms() const;
  bool complete() const;

  const communicator_options& options_;
  time_point deadline_;
  meeting out_;
  std::vector<byte_vector> lanes_;
  std::list<encounter> encounters_;
  encounter* hub_ = nullptr;
};

result<> assembly::open() {
  std::vector<socket_address> targets;
  for (size_t i = 0; i < options_.reducers.size(); ++i) {
    auto target = resolve_by(options_.reducers[i], reducer_name(options_, i), deadline_);
    if (!target) return std::unexpected(target.error());
    targets.push_back(*target);
  }
  auto paths = targets;
  if (options_.hub) {
    auto target = resolve_by(*options_.hub, std::string(hub_name), deadline_);
    if (!target) return std::unexpected(target.error());
    paths.push_back(*target);
  }
  auto data = open_data_path(paths, options_.threads, !options_.reducers.empty());
  if (!data) return std::unexpected(data.error());
  out_.data = std::move(*data);
  for (const auto& each : out_.data)
    lanes_.push_back(each->address());
  if (options_.rank == 0)
    if (auto opened = open_hub(); !opened) return opened;
  const auto hub_port = out_.own_hub ? out_.own_hub->port() : uint16_t{0};
  for (size_t i = 0; i < targets.size(); ++i)
    encounters_.emplace_back(options_, reducer_name(options_, i), targets[i], lanes_, hub_port);
  if (out_.own_hub)
    return meet_hub_at({options_.hub ? options_.hub->host : "127.0.0.1", out_.own_hub->port()});
  return options_.hub ? meet_hub_at(*options_.hub) : result<>{};
}

result<> assembly::open_hub() {
  // Reducers pass the port on to the other ranks, so any port will do; which of this machine's
  // addresses they will use is not known yet. The reducers' verdict on missing ranks comes first,
  // because a rank may be missing here only because a reducer has refused it.
  const auto patience_ms =
      options_.connect_timeout_ms
      + (options_.reducers.empty() ? 0U : static_cast<uint32_t>(2 * verdict_grace.count()));
  auto made = hub::open({options_.hub.value_or(host_port{"0.0.0.0", 0}), options_.job,
                         options_.token, options_.attempt, options_.world_size, options_.timeout_ms,
                         patience_ms, options_.kappa});
  if (!made) return fail(made.error().code, "rank 0's {}", made.error().message);
  out_.own_hub = std::move(*made);
  return {};
}

result<> assembly::meet_hub_at(const host_port& address) {
  auto target = resolve_by(address, std::string(hub_name), deadline_);
  if (!target) return std::unexpected(target.error());
  hub_ = &encounters_.emplace_back(options_, std::string(hub_name), *target, lanes_, uint16_t{0});
  return {};
}

bool assembly::complete() const {
  return hub_ != nullptr
         && std::ranges::all_of(encounters_, [](const auto& each) { return each.met(); });
}

result<> assembly::advance_until_met() {
  while (true) {
    auto now = steady_clock::now();
    for (auto& each : encounters_)
      if (auto moved = each.advance(now); !moved) return moved;
    if (hub_ == nullptr && encounters_.front().met()) {
      const auto address = parse_host_port(encounters_.front().terms()->hub);
      if (!address)
        return fail(errc::failed_precondition, "{} does not know where rank 0 listens",
                    encounters_.front().name());
      if (auto found = meet_hub_at(*address); !found) return found;
      continue;
    }
    if (complete()) return {};
    const auto missing =
        std::ranges::find_if(encounters_, [](const auto& each) { return !each.met(); });
    if (missing != encounters_.end()
        && now >= deadline_ + (missing->proven() ? verdict_grace : milliseconds(0)))
      return fail(errc::deadline_exceeded, "no welcome from {} within {} ms: {}", missing->name(),
                  options_.connect_timeout_ms, missing->trouble());
    std::vector<pollfd> fds;
    for (const auto& each : encounters_)
      fds.push_back({each.fd(), POLLIN, 0});
    poll(fds.data(), fds.size(), static_cast<int>(retry_after.count() / 2));
  }
}

result<> assembly::check_terms() const {
  for (size_t i = 1; i < out_.reducers.size(); ++i)
    if (const auto& terms = out_.reducers[i].terms, &first = out_.reducers.front().terms;
        terms.chunk_bytes != first.chunk_bytes || terms.slots != first.slots
        || terms.lanes.size() != first.lanes.size())
      return fail(
          errc::failed_precondition,
          "{} works with {} threads and {} slots of {} bytes, but {} with {} threads and {} "
          "slots of {} bytes; give all reducers the same settings",
          reducer_name(options_, 0), first.lanes.size(), first.slots, first.chunk_bytes,
          reducer_name(options_, i), terms.lanes.size(), terms.slots, terms.chunk_bytes);
  return {};
}

result<meeting> assembly::run() {
  auto met = open();
  if (met) met = advance_until_met();
  if (!met) {
    for (auto& each : encounters_)
      each.abort(met.error());
    return std::unexpected(met.error());
  }
  for (auto& each : encounters_)
    if (&each != hub_) out_.reducers.push_back(each.take());
  std::tie(out_.hub, out_.everyone) = hub_->take_roster();
  if (auto good = check_terms(); !good) return std::unexpected(good.error());
  return std::move(out_);
}

} // namespace

std::string reducer_name(const communicator_options& options, size_t index) {
  return fmt::format("reducer {} ({})", index, options.reducers[index].text());
}

result<meeting> meet(const communicator_options& options) {
  if (auto good = check(options); !good) return std::unexpected(good.error());
  const auto deadline = steady_clock::now() + milliseconds(options.connect_timeout_ms);
  return assembly(options, deadline).run();
}

} // namespace troupe::reduction
