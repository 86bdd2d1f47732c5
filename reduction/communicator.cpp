#include "reduction/communicator.hpp"

#include "reduction/shard.hpp"

#include <algorithm>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace troupe::reduction {
namespace {

// Polling for about as long as a small message takes there and back; then sleeping is cheaper.
constexpr std::chrono::microseconds spin_time{50};
// Time for a control connection to say why a data connection broke.
constexpr milliseconds suspicion_grace{300};

} // namespace

struct communicator::lane {
  frame_socket control;
  welcome terms;
  am_worker::endpoint* data = nullptr;
  bool attached = false;
  time_point last_heard;
  std::optional<std::pair<time_point, std::string>> suspicion;

  std::vector<under_way> window; // sequence number modulo slots
  uint64_t next_sequence = 0;
  uint64_t operation = 0; // the next chunk to send belongs to this one
  uint64_t chunk = 0;
  bool positioned = false; // `chunk` is the first of this lane's in `operation`
};

result<std::unique_ptr<communicator>> communicator::open(communicator_options options) {
  auto met = meet_reducers(options);
  if (!met) return std::unexpected(met.error());
  std::unique_ptr<communicator> made(new communicator(std::move(options), std::move(*met)));
  auto* const self = made.get();
  self->data_->on_message(message::attached, [self](const chunk_header& header, byte_span) {
    self->on_attached(header);
  });
  self->data_->on_message(message::result, [self](const chunk_header& header, byte_span payload) {
    self->on_result(header, payload);
  });
  for (size_t i = 0; i < self->lanes_.size(); ++i) {
    auto& to = *self->lanes_[i];
    auto endpoint = self->data_->connect(to.terms.lanes.front(), [&to](const std::string& reason) {
      to.suspicion = {steady_clock::now(), reason};
    });
    if (!endpoint)
      return fail(endpoint.error().code, "{}: {}", reducer_name(self->options_, i),
                  endpoint.error().message);
    to.data = *endpoint;
    chunk_header words;
    words.secret = to.terms.secret;
    words.rank = self->options_.rank;
    self->data_->send(*to.data, message::attach, words, {}, [] {});
  }
  self->thread_ = std::thread([self] {
    pthread_setname_np(pthread_self(), "troupe-reduce");
    self->run();
  });
  // UCX 1.13 ends the reducer's process when a worker goes while their connection is still being
  // made, so nobody gets to leave before it is.
  std::unique_lock lock(self->mutex_);
  self->changed_.wait(lock, [&] { return self->ready_ || self->failure_; });
  if (self->failure_) return std::unexpected(*self->failure_);
  lock.unlock();
  return made;
}

communicator::communicator(communicator_options options, meeting met)
    : options_(std::move(options)), data_(std::move(met.data)),
      chunk_bytes_(met.reducers.front().terms.chunk_bytes),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), opened_(steady_clock::now()),
      last_event_(opened_), last_tick_(opened_) {
  for (auto& each : met.reducers) {
    auto made = std::make_unique<lane>();
    made->control = std::move(each.control);
    made->window.resize(each.terms.slots);
    made->terms = std::move(each.terms);
    made->last_heard = last_event_;
    lanes_.push_back(std::move(made));
  }
}

communicator::~communicator() { static_cast<void>(finalize()); }

result<operation_ptr> communicator::start(const void* input, void* output, uint64_t count,
                                          dtype type, reduce_op op) {
  auto made = std::make_shared<operation>();
  made->input = static_cast<const std::byte*>(input);
  made->output = static_cast<std::byte*>(output);
  made->count = count;
  made->type = type;
  made->op = op;
  made->chunks = chunk_total(count, chunk_elements(chunk_bytes_, type));
  made->results_missing = made->sends_missing = made->chunks;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return std::unexpected(*failure_);
    if (leaving_) return fail(errc::failed_precondition, "the communicator was finalized");
    made->number = operations_++;
    ++unfinished_;
    submitted_.push_back(made);
    has_submissions_.store(true, std::memory_order_release);
  }
  eventfd_write(wake_fd_.number(), 1);
  return made;
}

result<> communicator::wait(operation& which) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return which.done; });
  return which.outcome;
}

bool communicator::done(operation& which) {
  const std::lock_guard lock(mutex_);
  return which.done;
}

result<> communicator::health() {
  const std::lock_guard lock(mutex_);
  if (failure_) return std::unexpected(*failure_);
  return {};
}

result<> communicator::finalize() {
  bool premature = false;
  {
    const std::lock_guard lock(mutex_);
    if (leaving_) return {};
    leaving_ = true;
    premature = unfinished_ > 0 && !failure_;
  }
  eventfd_write(wake_fd_.number(), 1);
  if (thread_.joinable()) thread_.join();
  if (premature)
    return fail(errc::failed_precondition,
                "rank {} was finalized while operations were under way; wait for them first",
                options_.rank);
  return {};
}

void communicator::abandon_after_fork() {
  for (auto& each : lanes_)
    each->control.close();
}

void communicator::run() {
  while (true) {
    const bool progressed = !failed_ && data_->progress();
    const bool took = take_submissions();
    const bool sent = !failed_ && send_chunks();
    auto now = steady_clock::now();
    if (progressed || took || sent) last_event_ = now;
    const bool quiet = now - last_event_ > spin_time;
    if (quiet || now - last_poll_ > milliseconds(1)) {
      serve_control(quiet);
      now = last_poll_ = steady_clock::now();
    }
    if (now >= next_tick_) tick();
    const std::lock_guard lock(mutex_);
    if (leaving_) break;
  }
  leave();
}

bool communicator::take_submissions() {
  if (!has_submissions_.load(std::memory_order_acquire)) return false;
  const std::lock_guard lock(mutex_);
  has_submissions_.store(false, std::memory_order_relaxed);
  for (auto& each : submitted_)
    active_.push_back(std::move(each));
  submitted_.clear();
  return true;
}

bool communicator::send_chunks() {
  bool any = false;
  // In turn, so that all reducers get work from the first moment on.
  for (bool more = !active_.empty(); more; any |= more) {
    more = false;
    for (size_t i = 0; i < lanes_.size(); ++i)
      more |= send_next_chunk(i);
  }
  return any;
}

bool communicator::send_next_chunk(size_t index) {
  auto& to = *lanes_[index];
  operation_ptr op;
  while (true) {
    // Operations leave `active_` in any order, but one that this lane still has to serve is there.
    const auto found = std::ranges::find_if(
        active_, [&](const auto& each) { return each->number >= to.operation; });
    if (found == active_.end()) return false;
    op = *found;
    if (op->number != to.operation || !to.positioned) {
      to.operation = op->number;
      to.chunk = (index + lanes_.size() - op->number % lanes_.size()) % lanes_.size();
      to.positioned = true;
    }
    if (to.chunk < op->chunks) break;
    ++to.operation;
    to.positioned = false;
  }
  auto& slot = to.window[to.next_sequence % to.window.size()];
  if (slot.op) return false;
  slot = {op, to.chunk};
  chunk_header header;
  header.secret = to.terms.secret;
  header.sequence = to.next_sequence++;
  header.operation = op->number;
  header.count = op->count;
  header.chunk = to.chunk;
  header.rank = options_.rank;
  header.type = static_cast<uint8_t>(op->type);
  header.op = static_cast<uint8_t>(op->op);
  const auto elements = chunk_elements(chunk_bytes_, op->type);
  const auto start = to.chunk * elements;
  const auto length = std::min(elements, op->count - start) * size_of(op->type);
  to.chunk += lanes_.size();
  data_->send(*to.data, message::contribution, header,
              byte_span(length == 0 ? nullptr : op->input + start * size_of(op->type), length),
              [this, op] {
                --op->sends_missing;
                finish_if_complete(op);
              });
  return true;
}

void communicator::on_attached(const chunk_header& header) {
  for (auto& each : lanes_)
    each->attached |= each->terms.secret == header.secret;
  if (!std::ranges::all_of(lanes_, [](const auto& each) { return each->attached; })) return;
  const std::lock_guard lock(mutex_);
  ready_ = true;
  changed_.notify_all();
}

void communicator::on_result(const chunk_header& header, byte_span payload) {
  if (failed_) return;
  // Only a reducer knows the secret; without it, the message is a stranger's.
  const auto from = std::ranges::find_if(
      lanes_, [&](const auto& each) { return each->terms.secret == header.secret; });
  if (from == lanes_.end()) return;
  auto& slot = (*from)->window[header.sequence % (*from)->window.size()];
  if (!slot.op || slot.op->number != header.operation || slot.chunk != header.chunk) return;
  const auto op = std::move(slot.op);
  slot.op = nullptr;
  const auto elements = chunk_elements(chunk_bytes_, op->type);
  const auto start = header.chunk * elements;
  if (payload.size() != std::min(elements, op->count - start) * size_of(op->type)) return;
  if (!payload.empty())
    std::memcpy(op->output + start * size_of(op->type), payload.data(), payload.size());
  --op->results_missing;
  finish_if_complete(op);
}

void communicator::finish_if_complete(const operation_ptr& op) {
  if (failed_ || op->results_missing > 0 || op->sends_missing > 0) return;
  std::erase(active_, op);
  const std::lock_guard lock(mutex_);
  op->done = true;
  --unfinished_;
  changed_.notify_all();
}

void communicator::serve_control(bool sleep) {
  std::vector<pollfd> fds{{wake_fd_.number(), POLLIN, 0}};
  if (!failed_) {
    if (sleep) sleep = data_->arm();
    fds.push_back({data_->event_fd(), POLLIN, 0});
    for (const auto& each : lanes_)
      fds.push_back({each->control.fd(), POLLIN, 0});
  }
  const auto rest = std::chrono::ceil<milliseconds>(next_tick_ - steady_clock::now()).count();
  // A failed communicator only waits to be finalized.
  const int idle_ms = failed_ ? -1 : static_cast<int>(std::max<int64_t>(rest, 0));
  poll(fds.data(), fds.size(), sleep ? idle_ms : 0);
  eventfd_t ignored = 0;
  eventfd_read(wake_fd_.number(), &ignored);
  for (size_t i = 0; i < lanes_.size() && !failed_; ++i)
    hear(i);
}

void communicator::hear(size_t index) {
  auto& from = *lanes_[index];
  for (const auto& frame : from.control.receive()) {
    from.last_heard = steady_clock::now();
    if (frame.type != frame_type::failed) continue;
    const auto why = decode_verdict(frame.payload);
    const auto name = reducer_name(options_, index);
    return fail_all(why ? error{why->code, fmt::format("{}: {}", name, why->text)}
                        : error{errc::unknown, fmt::format("{} gave up", name)});
  }
  if (from.control.lost())
    fail_all({errc::unavailable,
              fmt::format("{} is lost: {}; its process most likely died, see its log",
                          reducer_name(options_, index), from.control.lost_reason())});
}

void communicator::tick() {
  const auto now = steady_clock::now();
  next_tick_ = now + std::min(milliseconds(100), milliseconds(options_.timeout_ms / 8 + 1));
  if (failed_) return;
  // Whoever was stopped itself cannot tell who else was silent meanwhile.
  if (now - last_tick_ > milliseconds(options_.timeout_ms / 2))
    for (auto& each : lanes_)
      each->last_heard = now;
  last_tick_ = now;
  const bool beat = now >= next_heartbeat_;
  if (beat)
    next_heartbeat_ = now + std::min(milliseconds(1000), milliseconds(options_.timeout_ms / 4));
  for (size_t i = 0; i < lanes_.size() && !failed_; ++i) {
    auto& each = *lanes_[i];
    if (beat) each.control.send(frame_type::heartbeat);
    each.control.flush();
    if (!each.attached && now - opened_ > milliseconds(options_.connect_timeout_ms))
      fail_all({errc::deadline_exceeded,
                fmt::format("{} does not answer on the data path within {} ms, though its control "
                            "connection works; is there a firewall? The data port is any free one",
                            reducer_name(options_, i), options_.connect_timeout_ms)});
    else if (each.suspicion && now - each.suspicion->first > suspicion_grace)
      fail_all({errc::unavailable, fmt::format("{} is lost: the data connection failed ({})",
                                               reducer_name(options_, i), each.suspicion->second)});
    else if (now - each.last_heard > milliseconds(options_.timeout_ms))
      fail_all({errc::deadline_exceeded,
                fmt::format("{} is lost: silent for more than {} ms; its process or its machine is "
                            "stopped, or the network between is cut",
                            reducer_name(options_, i), options_.timeout_ms)});
  }
}

void communicator::fail_all(error why) {
  if (failed_) return;
  failed_ = true;
  // The other reducers, and through them the other ranks, should hear what happened and not find
  // out by themselves.
  const auto words = encode(verdict{why.code, why.message});
  for (auto& each : lanes_) {
    each->control.send(frame_type::aborted, words);
    each->control.finish_sending();
  }
  // The callers may free their arrays when they hear of the failure, so no send may be under way
  // then.
  if (ready_)
    data_->close_endpoints();
  else
    data_->abandon();
  for (auto& each : lanes_)
    for (auto& slot : each->window)
      slot.op = nullptr;
  const std::lock_guard lock(mutex_);
  failure_ = std::move(why);
  for (auto* const list : {&active_, &submitted_}) {
    for (auto& each : *list) {
      each->done = true;
      each->outcome = std::unexpected(*failure_);
    }
    list->clear();
  }
  unfinished_ = 0;
  changed_.notify_all();
}

void communicator::leave() {
  bool pending = false;
  {
    const std::lock_guard lock(mutex_);
    pending = unfinished_ > 0;
  }
  if (!failed_ && pending)
    fail_all({errc::failed_precondition,
              fmt::format("rank {} was finalized while operations were under way", options_.rank)});
  if (!failed_)
    for (auto& each : lanes_) {
      each->control.send(frame_type::goodbye);
      each->control.finish_sending();
    }
  data_.reset();
  // Closing with unread input would take our last words back.
  for (auto& each : lanes_) {
    each->control.receive();
    each->control.close();
  }
}

} // namespace troupe::reduction
