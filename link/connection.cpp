#include "link/connection.hpp"

#include "link/tls.hpp"

#include <utility>

namespace troupe::link {

namespace {

/// Small frames share a call up to this size; frames of the call before are in the hands of the
/// peer's loop meanwhile.
constexpr size_t call_bytes_max = 256 << 10;
/// Calls under way: enough to fill a fast wire, little enough that a sign of life is never far
/// behind.
constexpr size_t window_bytes = 4 << 20;

capnp::ReaderOptions reader_options(const limits& bounds) {
  capnp::ReaderOptions options;
  // One largest frame, or one call of small frames, each read once, and the envelope.
  options.traversalLimitInWords =
      (bounds.frame_bytes_max + 2 * call_bytes_max) / sizeof(capnp::word);
  options.nestingLimit = 16;
  return options;
}

/// The only copy of what arrives: the call's own buffer goes with the call.
shared_bytes copy_of(capnp::Data::Reader data) {
  auto content = data.asBytes();
  return shared_bytes::copy(std::as_bytes(std::span(content.begin(), content.size())));
}

capnp::Data::Reader data_of(const shared_bytes& content) {
  return {reinterpret_cast<const kj::byte*>(content.data()), content.size()};
}

capnp::MessageSize reception_size(size_t content_bytes) {
  return {content_bytes / sizeof(capnp::word) + 16, 1};
}

kj::Duration duration_of(std::chrono::milliseconds time) { return time.count() * kj::MILLISECONDS; }

} // namespace

/// Where the peer's calls arrive.
class connection::inbox final : public rpc::Mailbox::Server {
public:
  explicit inbox(std::weak_ptr<connection> line) : line_(std::move(line)) {}

  kj::Promise<void> deliver(DeliverContext context) override {
    auto line = line_.lock();
    KJ_REQUIRE(line != nullptr && !line->finished_, "the session is closed");
    for (auto arrived : context.getParams().getFrames()) {
      const auto payload = arrived.getPayload();
      if (payload.size() > line->bounds_.frame_bytes_max) {
        line->leave({errc::invalid_argument,
                     fmt::format("{} sent a frame of {} bytes, over the limit of {}",
                                 line->session_->peer_name(), payload.size(),
                                 line->bounds_.frame_bytes_max)},
                    true);
        break;
      }
      line->arrive({arrived.getKind(), arrived.getCorrelation(), copy_of(payload)});
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> depart(DepartContext context) override {
    std::string reason = context.getParams().getReason().cStr();
    if (auto line = line_.lock(); line && line->session_)
      line->leave({errc::cancelled,
                   fmt::format("{} ended the session: {}", line->session_->peer_name(), reason)},
                  false);
    return kj::READY_NOW;
  }

private:
  std::weak_ptr<connection> line_;
};

class connection::join_service final : public rpc::JoinService::Server {
public:
  explicit join_service(std::weak_ptr<connection> line) : line_(std::move(line)) {}

  kj::Promise<void> join(JoinContext context) override {
    auto line = line_.lock();
    KJ_REQUIRE(line != nullptr && !line->session_ && !line->finished_, "joined before");
    auto asked = context.getParams();
    if (asked.getProtocol() != protocol_version) {
      refuse(context, {errc::failed_precondition,
                       fmt::format("link protocol {}, expected {}: run the same version of "
                                   "troupe on both sides",
                                   asked.getProtocol(), protocol_version)});
      return kj::READY_NOW;
    }
    auto accepted = line->on_.join(copy_of(asked.getHello()));
    if (!accepted) {
      refuse(context, accepted.error());
      return kj::READY_NOW;
    }
    auto welcome = context.getResults(reception_size(accepted->second.size())).initWelcome();
    welcome.setHello(data_of(accepted->second));
    welcome.setOutbox(kj::heap<inbox>(line_));
    line->open_ = true;
    line->begin(accepted->first, asked.getInbox());
    line->joined_->fulfill();
    return kj::READY_NOW;
  }

private:
  static void refuse(JoinContext& context, const error& reason) {
    auto refusal = context.getResults(reception_size(reason.message.size())).initRefusal();
    refusal.setCode(static_cast<uint8_t>(reason.code));
    refusal.setMessage(reason.message.c_str());
  }

  std::weak_ptr<connection> line_;
};

connection::connection(wire line, kj::Timer& timer, const limits& bounds, events on, bool server)
    : bounds_(bounds), timer_(timer), on_(std::move(on)), line_(kj::mv(line)),
      network_(*line_.stream,
               server ? capnp::rpc::twoparty::Side::SERVER : capnp::rpc::twoparty::Side::CLIENT,
               reader_options(bounds)),
      checked_at_(timer.now()), tasks_(*this) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  joined_ = kj::mv(paf.fulfiller);
  joined_promise_ = kj::mv(paf.promise);
}

connection::~connection() noexcept(false) {
  if (session_) session_->shut();
}

std::shared_ptr<connection> connection::serve(wire line, kj::Timer& timer, const limits& bounds,
                                              events on) {
  std::shared_ptr<connection> self(
      new connection(kj::mv(line), timer, bounds, std::move(on), true));
  self->rpc_.emplace(capnp::makeRpcServer(self->network_, kj::heap<join_service>(self)));
  return self;
}

std::shared_ptr<connection> connection::dial(wire line, kj::Timer& timer, const limits& bounds,
                                             events on) {
  std::shared_ptr<connection> self(
      new connection(kj::mv(line), timer, bounds, std::move(on), false));
  self->rpc_.emplace(capnp::makeRpcClient(self->network_));
  return self;
}

kj::Promise<void> connection::joined() {
  auto hung_up = network_.onDisconnect().then([] {
    kj::throwRecoverableException(KJ_EXCEPTION(DISCONNECTED, "hung up before it joined"));
  });
  return kj::mv(joined_promise_).exclusiveJoin(kj::mv(hung_up));
}

kj::Promise<void> connection::join(std::shared_ptr<session> handle, shared_bytes hello,
                                   opening welcome, std::shared_ptr<error> refused) {
  capnp::MallocMessageBuilder builder;
  auto vat = builder.initRoot<capnp::rpc::twoparty::VatId>();
  vat.setSide(capnp::rpc::twoparty::Side::SERVER);
  auto request = rpc_->bootstrap(vat).castAs<rpc::JoinService>().joinRequest();
  request.setProtocol(protocol_version);
  request.setHello(data_of(hello));
  request.setInbox(kj::heap<inbox>(weak_from_this()));
  session_ = handle;
  return request.send().then(
      [this, handle = std::move(handle), welcome = std::move(welcome),
       refused = std::move(refused)](capnp::Response<rpc::Reception> reception) {
        if (reception.isRefusal()) {
          session_.reset();
          auto refusal = reception.getRefusal();
          *refused = {static_cast<errc>(refusal.getCode()), refusal.getMessage().cStr()};
          return;
        }
        auto accepted = reception.getWelcome();
        begin(handle, accepted.getOutbox());
        welcome(copy_of(accepted.getHello()));
        open_ = true;
        for (auto& early : std::exchange(early_, {}))
          arrive(std::move(early));
        if (auto end = std::exchange(early_end_, std::nullopt))
          finish(std::move(end->first), end->second);
      });
}

void connection::begin(std::shared_ptr<session> handle, rpc::Mailbox::Client peer) {
  session_ = std::move(handle);
  session_->line_ = this;
  peer_.emplace(kj::mv(peer));
  watch();
  // What was sent in the callback that accepted the session.
  session_->wake();
}

void connection::arrive(frame next) {
  if (finished_) return;
  if (open_)
    on_.received(*session_, std::move(next));
  else
    early_.push_back(std::move(next));
}

void connection::pump() {
  if (finished_ || !peer_) return;
  auto ending = session_->take_ending();
  bool flush = ending && ending->flush;
  while (flush || in_flight_bytes_ < window_bytes) {
    auto frames = session_->take(call_bytes_max);
    if (frames.empty()) break;
    send(frames);
  }
  if (ending) finish(std::move(ending->reason), ending->flush);
}

void connection::send(const std::vector<frame>& frames) {
  size_t size = 0;
  for (const frame& next : frames)
    size += cost_of(next);
  auto request = peer_->deliverRequest(capnp::MessageSize{size / sizeof(capnp::word) + 8, 0});
  auto list = request.initFrames(static_cast<unsigned>(frames.size()));
  for (unsigned i = 0; i < frames.size(); ++i) {
    list[i].setKind(frames[i].kind);
    list[i].setCorrelation(frames[i].correlation);
    list[i].setPayload(data_of(frames[i].payload));
  }
  in_flight_bytes_ += size;
  tasks_.add(request.send().then(
      [this, size](auto&&) {
        in_flight_bytes_ -= size;
        session_->acknowledge(size);
        pump();
      },
      [this](kj::Exception&& e) { lost(e); }));
}

void connection::watch() {
  tasks_.add(heartbeat());
  tasks_.add(network_.onDisconnect().then([this] {
    if (finished_) return kj::Promise<void>(kj::READY_NOW);
    // A call on a broken connection fails with what broke it.
    return peer_->deliverRequest().send().then([](auto&&) {},
                                               [this](kj::Exception&& e) { lost(e); });
  }));
}

kj::Promise<void> connection::heartbeat() {
  auto tick = std::min(bounds_.heartbeat, bounds_.silence / 4);
  return timer_.afterDelay(duration_of(tick)).then([this, tick]() -> kj::Promise<void> {
    if (finished_) return kj::READY_NOW;
    // Time that this process did not run is not held against the peer.
    silent_for_ += std::min(timer_.now() - checked_at_, 2 * duration_of(tick));
    checked_at_ = timer_.now();
    if (std::exchange(heard_before_, line_.count->heard) != line_.count->heard)
      silent_for_ = 0 * kj::MILLISECONDS;
    if (silent_for_ >= duration_of(bounds_.silence)) {
      finish({errc::deadline_exceeded, fmt::format("heard nothing from {} for {} ms",
                                                   session_->peer_name(), bounds_.silence.count())},
             false);
      return kj::READY_NOW;
    }
    if (!std::exchange(heartbeat_pending_, true))
      tasks_.add(peer_->deliverRequest().send().then([this](auto&&) { heartbeat_pending_ = false; },
                                                     [this](kj::Exception&& e) { lost(e); }));
    return heartbeat();
  });
}

void connection::lost(const kj::Exception& reason) {
  if (finished_) return;
  finish({errc::unavailable, fmt::format("lost {}: {}", session_->peer_name(), text_of(reason))},
         false);
}

void connection::leave(error reason, bool tell_peer) {
  if (open_)
    finish(std::move(reason), tell_peer);
  else
    early_end_.emplace(std::move(reason), tell_peer);
}

void connection::finish(error reason, bool tell_peer) {
  if (std::exchange(finished_, true)) return;
  session_->shut();
  if (tell_peer && peer_) {
    auto request = peer_->departRequest();
    request.setReason(reason.message.c_str());
    farewell_ = request.send().ignoreResult().eagerlyEvaluate([](kj::Exception&&) {});
  }
  on_.closed(*session_, std::move(reason));
}

kj::Promise<void> connection::farewell() {
  return kj::mv(farewell_).exclusiveJoin(timer_.afterDelay(500 * kj::MILLISECONDS));
}

void connection::taskFailed(kj::Exception&& exception) { lost(exception); }

} // namespace troupe::link
