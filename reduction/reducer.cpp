#include "reduction/reducer.hpp"

#include "reduction/membership.hpp"
#include "reduction/reducer_log.hpp"

#include <poll.h>

namespace troupe::reduction {
namespace {

result<> check(const reducer_options& options) {
  if (options.token.empty())
    return fail(errc::invalid_argument, "a reducer needs the job's token; set TROUPE_TOKEN");
  if (options.world_size == 0 || options.world_size > max_world_size)
    return fail(errc::invalid_argument, "a world size of {} is not within 1 to {}",
                options.world_size, max_world_size);
  if (options.chunk_bytes == 0 || options.chunk_bytes % 8 != 0 || options.chunk_bytes > (1U << 28))
    return fail(errc::invalid_argument,
                "chunks of {} bytes: expected a multiple of 8, at most 256 MiB",
                options.chunk_bytes);
  if (options.slots == 0 || options.slots > 65536)
    return fail(errc::invalid_argument, "{} slots: expected 1 to 65536", options.slots);
  if (options.timeout_ms == 0)
    return fail(errc::invalid_argument, "a timeout of 0 ms: expected at least 1");
  return {};
}

// The loop: control sockets, the data path, the clock. While chunks flow the control sockets are
// looked at once in a millisecond; when nothing flows the thread sleeps on all of them at once.
class reducer {
public:
  explicit reducer(const reducer_options& options)
      : options_(options), log_("reducer"), members_(options, log_) {}

  result<> run(int stop_fd);

private:
  bool ended() const { return members_.failed() || members_.all_gone(); }
  void wait_for_events(int stop_fd, bool sleep);
  result<> start_data();
  void on_contribution(const chunk_header& header, byte_span payload);
  void refuse(error why);
  bool progress_data();
  void attach(uint32_t rank);
  void send_result(const shard::outcome& outcome);
  void tick(time_point now);
  void log_late_ranks(time_point now);
  void check_departed_ranks();

  reducer_options options_;
  reducer_log log_;
  membership members_;
  std::unique_ptr<shard> shard_;
  std::unique_ptr<am_worker> data_;
  time_point next_tick_;
  bool stopped_ = false;
  uint64_t late_operation_ = UINT64_MAX;
  milliseconds next_late_log_{0};
  uint64_t strays_ = 0;
  // What the receivers of one round of progress leave to be done after it.
  std::vector<uint32_t> attaching_;
  std::vector<shard::outcome> results_;
};

result<> reducer::run(int stop_fd) {
  if (auto listening = members_.listen(); !listening) return listening;
  auto last_event = steady_clock::now();
  auto last_poll = last_event;
  while (!ended() && !stopped_) {
    auto now = steady_clock::now();
    // UCX 1.13 ends the process with a failed assertion when it answers a rank that died while
    // their connection was being made. A rank's control connection shows its death as well, so
    // until all are connected UCX moves only right after a look at those. That is less often
    // fatal, not never: a rank may die between the look and UCX's answer. The other ranks then
    // hear that this reducer is lost.
    if (data_ && !members_.all_attached()) {
      wait_for_events(stop_fd, false);
      if (ended() || stopped_) break;
    }
    if (data_ && progress_data()) last_event = now;
    const bool quiet = now - last_event > std::chrono::microseconds(options_.spin_us);
    if (quiet || now - last_poll > milliseconds(1)) {
      wait_for_events(stop_fd, quiet);
      now = last_poll = steady_clock::now();
    }
    if (members_.complete() && !data_)
      if (auto started = start_data(); !started) members_.fail_all(started.error());
    if (now >= next_tick_) tick(now);
  }
  if (stopped_ && !ended()) members_.fail_all({errc::cancelled, "it was asked to stop"});
  members_.say_farewell();
  if (data_ && !members_.all_attached()) data_->abandon();
  if (members_.failed()) return std::unexpected(members_.failure());
  log_.info("event=finished operations_bytes_peak={}", shard_ ? shard_->peak_bytes() : 0);
  return {};
}

void reducer::wait_for_events(int stop_fd, bool sleep) {
  std::vector<pollfd> fds{{stop_fd, POLLIN, 0}};
  if (sleep && data_) sleep = data_->arm();
  if (data_) fds.push_back({data_->event_fd(), POLLIN, 0});
  members_.add_poll_fds(fds);
  using std::chrono::ceil;
  const auto rest = ceil<milliseconds>(next_tick_ - steady_clock::now()).count();
  const int timeout_ms = sleep ? static_cast<int>(std::max<int64_t>(rest, 0)) : 0;
  poll(fds.data(), fds.size(), timeout_ms);
  if (stop_fd >= 0 && (fds[0].revents & (POLLIN | POLLHUP)) != 0) stopped_ = true;
  members_.serve(steady_clock::now());
  if (members_.departed_lately()) check_departed_ranks();
}

result<> reducer::start_data() {
  auto worker = am_worker::create(members_.interfaces());
  if (!worker) return std::unexpected(worker.error());
  data_ = std::move(*worker);
  shard_ = std::make_unique<shard>(
      shard_options{options_.world_size, options_.chunk_bytes, options_.slots},
      [this](const shard::outcome& outcome) { results_.push_back(outcome); });
  data_->on_message(message::attach, [this](const chunk_header& header, byte_span) {
    if (members_.knows(header.rank, header.secret)) attaching_.push_back(header.rank);
  });
  data_->on_message(message::contribution, [this](const chunk_header& header, byte_span payload) {
    on_contribution(header, payload);
  });
  return members_.welcome_all(*data_);
}

void reducer::on_contribution(const chunk_header& header, byte_span payload) {
  if (members_.failed()) return;
  if (!members_.knows(header.rank, header.secret)) {
    // Someone found UCX's own port and speaks its language. Nothing it sends may count; once is
    // enough in the log.
    if (strays_++ == 0)
      log_.warning("event=stray_message detail=\"a chunk without the job's secret\"");
    return;
  }
  if (auto taken = shard_->contribute(header, payload, steady_clock::now()); !taken)
    return refuse(taken.error());
  if (members_.any_departed()) check_departed_ranks();
}

// A rank that gives up tells so on its control connection, and the chunks that others send after
// that may no longer fit together. What it told is the reason then, and their disagreement is not.
void reducer::refuse(error why) {
  members_.serve(steady_clock::now());
  members_.fail_all(std::move(why));
}

bool reducer::progress_data() {
  const bool any = data_->progress();
  for (const auto rank : attaching_)
    attach(rank);
  attaching_.clear();
  if (!members_.failed())
    for (const auto& each : results_)
      send_result(each);
  results_.clear();
  return any;
}

void reducer::attach(uint32_t rank) {
  auto& joining = members_.at(rank);
  if (joining.data != nullptr) return;
  if (auto attached = members_.attach(rank, *data_); !attached)
    return members_.fail_all(attached.error());
  chunk_header words;
  words.rank = rank;
  words.secret = joining.secret;
  data_->send(*joining.data, message::attached, words, {}, [] {});
}

// Every rank has contributed to a result, and attaches before it contributes: all endpoints are
// there.
void reducer::send_result(const shard::outcome& outcome) {
  for (uint32_t rank = 0; rank < options_.world_size; ++rank) {
    auto& to = members_.at(rank);
    auto header = outcome.header;
    header.rank = rank;
    header.secret = to.secret;
    data_->send(*to.data, message::result, header, byte_span(outcome.buffer.get(), outcome.length),
                [hold = outcome.buffer] {});
  }
}

// A rank that has left in good order will never contribute, so whoever waits for it should hear
// that at once.
void reducer::check_departed_ranks() {
  if (!shard_) return;
  const auto waiting = shard_->oldest_waiting();
  if (!waiting) return;
  for (const auto rank : waiting->missing)
    if (members_.at(rank).state == member_state::gone)
      return members_.fail_all(
          {errc::failed_precondition,
           fmt::format("{} has finalized, but other ranks wait for it in all-reduce number {}",
                       members_.name(rank), waiting->operation)});
}

void reducer::tick(time_point now) {
  members_.tick(now);
  if (shard_) log_late_ranks(now);
  next_tick_ = now + std::min(milliseconds(100), milliseconds(options_.timeout_ms / 8 + 1));
}

void reducer::log_late_ranks(time_point now) {
  const auto waiting = shard_->oldest_waiting();
  if (!waiting) {
    late_operation_ = UINT64_MAX;
    return;
  }
  if (waiting->operation != late_operation_) {
    late_operation_ = waiting->operation;
    next_late_log_ = milliseconds(options_.late_log_ms);
  }
  const auto waited = std::chrono::duration_cast<milliseconds>(now - waiting->since);
  if (waited < next_late_log_) return;
  log_.warning("event=waiting detail=\"waiting for rank {} since {} s\" operation={}",
               fmt::join(waiting->missing, ","), waited.count() / 1000, waiting->operation);
  next_late_log_ = 2 * waited;
}

} // namespace

result<> run_reducer(const reducer_options& options, int stop_fd) {
  if (auto good = check(options); !good) return good;
  return reducer(options).run(stop_fd);
}

} // namespace troupe::reduction
