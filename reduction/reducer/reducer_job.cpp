#include "reduction/reducer/reducer_job.hpp"

#include <algorithm>
#include <sys/eventfd.h>

namespace troupe::reduction {
namespace {

// Ranks learn of a late rank after this time, and again as often.
constexpr milliseconds waiting_text_interval{1000};

} // namespace

reducer_job::reducer_job(membership::rules chosen, std::string token,
                         const reducer_options& options,
                         std::vector<std::unique_ptr<data_thread>>& threads, int wake_fd,
                         event_log& log)
    : job_(chosen.job), attempt_(chosen.attempt), token_(std::move(token)), options_(options),
      threads_(threads), wake_fd_(wake_fd), log_(log),
      members_(std::move(chosen),
               {[this](uint32_t, error why) {
                  // The hub decides whether the job is over: perhaps the rank has lost only this
                  // reducer.
                  log_.warning("event=lost reason=\"{}\"", why.message);
                  if (!lost_) lost_ = std::move(why);
                },
                [](uint32_t, const frame&) {}},
               &log) {}

reducer_job::~reducer_job() {
  if (!over_) static_cast<void>(end());
}

void reducer_job::serve(time_point now) {
  members_.serve(now);
  take_notes(now);
  if (members_.complete() && !members_.started()) begin();
}

void reducer_job::begin() {
  if (auto begun = begin_data(); !begun) members_.fail_all(std::move(begun.error()));
}

result<> reducer_job::begin_data() {
  std::vector<byte_vector> lanes;
  std::vector<shard_host::peer> peers;
  for (uint32_t rank = 0; rank < members_.size(); ++rank) {
    secrets_.push_back(fresh_secret());
    peers.push_back({secrets_[rank], members_.at(rank).identity.lanes});
    expected_ += static_cast<uint32_t>(peers.back().addresses.size() * threads_.size());
  }
  // Where ranks share this machine's cores, a thread that spins takes them from one that works.
  const auto here = this_machine();
  size_t neighbours = threads_.size();
  for (uint32_t rank = 0; rank < members_.size(); ++rank)
    if (members_.at(rank).identity.machine == here) ++neighbours;
  if (2 * neighbours > std::thread::hardware_concurrency())
    for (auto& thread : threads_)
      thread->stop_spinning();
  const auto hosts = members_.hosts();
  for (auto& thread : threads_) {
    auto worker = am_worker::create(members_.interfaces());
    if (!worker) return std::unexpected(worker.error());
    if (hosts)
      if (auto guarded = (*worker)->admit_only(*hosts); !guarded) return guarded;
    lanes.push_back((*worker)->address());
    auto unit = std::make_shared<data_unit>();
    unit->data = std::move(*worker);
    unit->host = std::make_unique<shard_host>(
        *unit->data, shard_host::settings{options_.chunk_bytes, options_.slots}, peers,
        make_callbacks());
    units_.push_back(unit);
    thread->add(unit);
  }
  const auto hub = hub_address();
  members_.start(frame_type::welcome, [&](uint32_t rank) {
    return encode(welcome{options_.chunk_bytes, options_.slots, secrets_[rank], hub, lanes},
                  members_.at(rank).identity.worker_nonce, token_);
  });
  log_.info("event=started job={} world_size={} threads={} chunk_bytes={} slots={}",
            printable(job_), members_.size(), threads_.size(), options_.chunk_bytes,
            options_.slots);
  return {};
}

// The data threads only note what they meet; the control thread judges, see take_notes.
shard_host::callbacks reducer_job::make_callbacks() {
  return {[this](uint32_t) {
            const mutex_lock lock(mutex_);
            ++newly_attached_;
            eventfd_write(wake_fd_, 1);
          },
          [this](uint32_t rank, const std::string& reason) {
            const mutex_lock lock(mutex_);
            broken_.emplace_back(rank, reason);
            eventfd_write(wake_fd_, 1);
          },
          [this](error why) {
            const mutex_lock lock(mutex_);
            if (!trouble_) trouble_ = std::move(why);
            eventfd_write(wake_fd_, 1);
          },
          [this] {
            const mutex_lock lock(mutex_);
            ++strangers_;
            eventfd_write(wake_fd_, 1);
          }};
}

// The host by which rank 0 is known here, with the port that it named.
std::string reducer_job::hub_address() const {
  const auto& zero = members_.at(0);
  if (zero.identity.hub_port == 0) return "";
  auto address = parse_host_port(zero.from);
  if (!address) return "";
  address->port = zero.identity.hub_port;
  return address->text();
}

void reducer_job::take_notes(time_point now) {
  std::vector<std::pair<uint32_t, std::string>> broken;
  std::optional<error> trouble;
  uint64_t strangers = 0;
  {
    const mutex_lock lock(mutex_);
    broken.swap(broken_);
    trouble.swap(trouble_);
    attached_ += std::exchange(newly_attached_, 0);
    strangers = strangers_;
  }
  for (const auto& [rank, reason] : broken)
    members_.suspect(rank, reason, now);
  if (strangers > 0 && !std::exchange(stranger_logged_, true))
    log_.warning("event=stray_message detail=\"a message without the job's secret\"");
  // Once all are connected, strangers need not even reach UCX.
  if (expected_ != 0 && attached_ == expected_) {
    expected_ = 0;
    for (auto& each : units_)
      if (auto sealed = each->data->seal(); !sealed) trouble = std::move(sealed.error());
  }
  // A rank that gives up sends the reason on its control connection, and the chunks that others
  // send after that may no longer fit together. The reason is then what the rank sent, not the
  // disagreement: so the control connections are read first.
  if (trouble) {
    members_.serve(now);
    members_.fail_all(std::move(*trouble));
  }
}

void reducer_job::tick(time_point now) {
  members_.tick(now);
  log_late_ranks(now);
}

void reducer_job::log_late_ranks(time_point now) {
  std::optional<waiting_chunk> waiting;
  for (auto& each : units_) {
    const mutex_lock lock(each->mutex);
    if (each->waiting && (!waiting || each->waiting->since < waiting->since))
      waiting = each->waiting;
  }
  if (!waiting) {
    late_operation_ = UINT32_MAX;
    return;
  }
  if (waiting->operation != late_operation_) {
    late_operation_ = waiting->operation;
    next_late_log_ = milliseconds(options_.late_log_ms);
  }
  const auto waited = std::chrono::duration_cast<milliseconds>(now - waiting->since);
  const auto waiting_text = fmt::format("waiting for rank {} since {} s",
                                        fmt::join(waiting->missing, ","), waited.count() / 1000);
  if (waited >= waiting_text_interval && now >= next_waiting_words_) {
    members_.send_all(frame_type::waiting, as_byte_span(waiting_text));
    next_waiting_words_ = now + waiting_text_interval;
  }
  if (waited < next_late_log_) return;
  log_.warning("event=waiting job={} detail=\"{}\" call={} operation={}", printable(job_),
               waiting_text, name_of(waiting->form.kind), waiting->operation);
  next_late_log_ = 2 * waited;
}

bool reducer_job::ended() const { return members_.failed() || members_.all_gone(); }

result<> reducer_job::end() {
  if (std::exchange(over_, true)) return {};
  members_.say_farewell();
  for (size_t i = 0; i < units_.size(); ++i) {
    peak_bytes_ += units_[i]->host->peak_bytes();
    // UCX 1.13 fails an assertion when a connection is closed while it is being made.
    threads_[i]->remove(units_[i], expected_ != 0);
  }
  units_.clear();
  if (members_.failed()) return std::unexpected(members_.failure());
  if (lost_) return std::unexpected(*lost_);
  log_.info("event=finished job={} buffer_bytes_peak={}", printable(job_), peak_bytes_);
  return {};
}

} // namespace troupe::reduction
