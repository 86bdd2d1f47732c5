#include "reduction/reducer/reducer.hpp"

#include "reduction/control/handshake_listener.hpp"
#include "reduction/reducer/reducer_job.hpp"

#include <algorithm>
#include <list>
#include <poll.h>
#include <sys/eventfd.h>

namespace troupe::reduction {
namespace {

result<> check(const reducer_options& options) {
  const bool shared = !options.shared_key.empty();
  if (options.token.empty() && !shared)
    return fail(errc::invalid_argument, "a reducer needs the job's token; set TROUPE_TOKEN, or "
                                        "TROUPE_SHARED_KEY for one that serves many jobs");
  if (!shared && (options.world_size == 0 || options.world_size > max_world_size))
    return fail(errc::invalid_argument, "a world size of {} is not within 1 to {}",
                options.world_size, max_world_size);
  if (options.chunk_bytes == 0 || options.chunk_bytes % chunk_unit_bytes != 0
      || options.chunk_bytes > max_chunk_bytes)
    return fail(errc::invalid_argument, "chunks of {} bytes: expected a multiple of {}, at most {}",
                options.chunk_bytes, chunk_unit_bytes, max_chunk_bytes);
  if (options.slots == 0 || options.slots > 65536)
    return fail(errc::invalid_argument, "{} slots: expected 1 to 65536", options.slots);
  if (options.threads == 0 || options.threads > 256)
    return fail(errc::invalid_argument, "{} threads: expected 1 to 256", options.threads);
  if (options.timeout_ms == 0)
    return fail(errc::invalid_argument, "a timeout of 0 ms: expected at least 1");
  return {};
}

// The control thread: the listener, and the jobs whose ranks it has let in.
class reducer {
public:
  explicit reducer(const reducer_options& options);
  result<> run(int stop_fd);

private:
  bool shared() const { return !options_.shared_key.empty(); }
  std::optional<std::string> token_of(const std::string& job) const;
  std::optional<rejection> admit(handshake_listener::candidate& newcomer);
  reducer_job& open_job(const std::string& job, uint32_t attempt, uint32_t world_size);
  void wait_for_events(int stop_fd);
  void end_jobs();
  void tick(time_point now);

  reducer_options options_;
  event_log log_;
  handshake_listener listener_;
  unique_fd wake_fd_; // the data threads have noted something
  std::vector<std::unique_ptr<data_thread>> threads_;
  std::list<reducer_job> jobs_;
  result<> outcome_;
  bool over_ = false; // the only job is
  time_point next_tick_;
  bool stopped_ = false;
};

reducer::reducer(const reducer_options& options)
    : options_(options), log_("reducer"),
      listener_({options.handshake_timeout_ms, [this](const auto& job) { return token_of(job); },
                 [this](handshake_listener::candidate& newcomer) { return admit(newcomer); }},
                &log_),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  for (uint32_t i = 0; i < options_.threads; ++i)
    threads_.push_back(std::make_unique<data_thread>(i, options_.spin_us));
}

std::optional<std::string> reducer::token_of(const std::string& job) const {
  return shared() ? job_token(options_.shared_key, job) : options_.token;
}

reducer_job& reducer::open_job(const std::string& job, uint32_t attempt, uint32_t world_size) {
  return jobs_.emplace_back(membership::rules{"this reducer", job, attempt, world_size,
                                              options_.timeout_ms, options_.connect_timeout_ms},
                            *token_of(job), options_, threads_, wake_fd_.value(), log_);
}

std::optional<rejection> reducer::admit(handshake_listener::candidate& newcomer) {
  auto found = jobs_.begin();
  if (shared()) {
    found =
        std::ranges::find_if(jobs_, [&](const auto& each) { return each.is(newcomer.identity); });
    if (found == jobs_.end()) {
      if (jobs_.size() >= options_.max_jobs)
        return rejection{true, errc::resource_exhausted,
                         fmt::format("it serves {} jobs already, as many as it may", jobs_.size())};
      if (newcomer.identity.world_size == 0 || newcomer.identity.world_size > max_world_size)
        return rejection{false, errc::invalid_argument,
                         fmt::format("a world size of {} is not within 1 to {}",
                                     newcomer.identity.world_size, max_world_size)};
      open_job(newcomer.identity.job, newcomer.identity.attempt, newcomer.identity.world_size);
      found = std::prev(jobs_.end());
    }
  } else if (over_) {
    return rejection{true, errc::unavailable, "its job is over"};
  }
  return found->members().admit(newcomer, steady_clock::now());
}

result<> reducer::run(int stop_fd) {
  if (auto listening = listener_.listen({options_.bind_address, options_.port}); !listening)
    return listening;
  const auto address = listener_.address();
  if (shared())
    log_.info("event=listening address={} shared=true threads={}", address.text(),
              options_.threads);
  else
    log_.info("event=listening address={} job={} attempt={} world_size={} threads={}",
              address.text(), options_.job, options_.attempt, options_.world_size,
              options_.threads);
  if (!shared()) open_job(options_.job, options_.attempt, options_.world_size);
  if (options_.on_listening) options_.on_listening(address.port());
  while (!over_ && !stopped_) {
    wait_for_events(stop_fd);
    const auto now = steady_clock::now();
    listener_.serve(now);
    for (auto& each : jobs_)
      each.serve(now);
    if (now >= next_tick_) tick(now);
    end_jobs();
  }
  listener_.close();
  for (auto& each : jobs_)
    each.members().fail_all({errc::cancelled, "it was asked to stop"});
  end_jobs();
  return outcome_;
}

void reducer::wait_for_events(int stop_fd) {
  std::vector<pollfd> fds{{stop_fd, POLLIN, 0}, {wake_fd_.value(), POLLIN, 0}};
  listener_.add_poll_fds(fds);
  for (auto& each : jobs_)
    each.members().add_poll_fds(fds);
  const auto rest = std::chrono::ceil<milliseconds>(next_tick_ - steady_clock::now()).count();
  poll(fds.data(), fds.size(), static_cast<int>(std::max<int64_t>(rest, 0)));
  if (stop_fd >= 0 && (fds[0].revents & (POLLIN | POLLHUP)) != 0) stopped_ = true;
  eventfd_t ignored = 0;
  if (fds[1].revents != 0) eventfd_read(wake_fd_.value(), &ignored);
}

void reducer::tick(time_point now) {
  for (auto& each : jobs_)
    each.tick(now);
  next_tick_ = now + std::min(milliseconds(100), milliseconds(options_.timeout_ms / 8 + 1));
}

void reducer::end_jobs() {
  for (auto each = jobs_.begin(); each != jobs_.end();) {
    if (!each->ended()) {
      ++each;
      continue;
    }
    auto outcome = each->end();
    each = jobs_.erase(each);
    if (shared()) continue;
    outcome_ = std::move(outcome);
    over_ = true;
  }
}

} // namespace

result<> run_reducer(const reducer_options& options, int stop_fd) {
  if (auto good = check(options); !good) return good;
  return reducer(options).run(stop_fd);
}

} // namespace troupe::reduction
