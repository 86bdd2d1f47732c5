#include "link/server.hpp"

#include "link/connection.hpp"
#include "link/link_loop.hpp"
#include "link/tls.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <set>
#include <utility>

namespace troupe::link {

namespace {

/// Strangers must not fill the disk with the lines about them.
class quiet_log {
public:
  explicit quiet_log(std::function<void(std::string)> line) : line_(std::move(line)) {
    if (!line_) line_ = [](std::string text) { spdlog::warn("link: {}", text); };
  }

  void write(std::string text) {
    auto now = std::chrono::steady_clock::now();
    if (now - second_began_ >= std::chrono::seconds(1)) {
      if (written_ > lines_per_second)
        text += fmt::format(" (and {} more before it)", written_ - lines_per_second);
      second_began_ = now;
      written_ = 0;
    }
    if (++written_ <= lines_per_second) line_(std::move(text));
  }

private:
  static constexpr uint64_t lines_per_second = 20;

  std::function<void(std::string)> line_;
  std::chrono::steady_clock::time_point second_began_{};
  uint64_t written_ = 0;
};

class server_core final : public resident, private kj::TaskSet::ErrorHandler {
public:
  server_core(kj::AsyncIoContext& io, std::shared_ptr<link_loop> loop, kj::Own<kj::TlsContext> tls,
              kj::Own<kj::ConnectionReceiver> port, server_events on, limits bounds)
      : timer_(io.provider->getTimer()), loop_(std::move(loop)), tls_(kj::mv(tls)),
        port_(kj::mv(port)), on_(std::move(on)), bounds_(bounds), log_(on_.turned_away),
        lingering_(*this), accepting_(accept()) {
    accepting_ = kj::mv(accepting_).eagerlyEvaluate(nullptr);
  }

  kj::Promise<void> wind_down() override {
    accepting_ = nullptr;
    std::vector<std::shared_ptr<connection>> lines;
    for (auto& [id, guest] : guests_)
      if (!strangers_.contains(id)) lines.push_back(guest.line);
    for (auto& line : lines)
      line->finish({errc::cancelled, "the server ends"}, true);
    // finish() leaves the removal to the link_loop, which is closed by now.
    for (auto id : std::exchange(leaving_, {}))
      remove(id);
    return lingering_.onEmpty();
  }

private:
  using guest_id = uint64_t;

  /// One TCP connection.
  struct guest {
    std::string address;
    std::string name;
    bool refused = false;
    std::shared_ptr<connection> line; // once the certificate is accepted
    kj::Promise<void> arrival = nullptr;
  };

  kj::Promise<void> accept() {
    return port_->acceptAuthenticated()
        .then([this](kj::AuthenticatedStream stream) { greet(kj::mv(stream)); })
        .catch_([this](kj::Exception&& e) {
          // Out of descriptors, most likely: the port stays, and is tried again.
          log_.write("cannot accept: " + text_of(e));
          return timer_.afterDelay(100 * kj::MILLISECONDS);
        })
        .then([this] { return accept(); });
  }

  void greet(kj::AuthenticatedStream stream) {
    auto id = next_id_++;
    if (strangers_.size() >= bounds_.strangers_max)
      turn_away(*strangers_.begin(), "too many connections wait to join, and this is the oldest");
    strangers_.insert(id);
    guest& arrived = guests_[id];
    arrived.address = stream.peerIdentity->toString().cStr();
    auto count = kj::refcounted<byte_count>();
    auto counted = kj::addRef(*count);
    stream.stream = kj::heap<watched_stream>(kj::mv(stream.stream), kj::mv(counted));
    auto arrival =
        tls_->wrapServer(kj::mv(stream))
            .then([this, id, count = kj::mv(count)](kj::AuthenticatedStream secure) mutable {
              return verify(id, kj::mv(secure), kj::mv(count));
            });
    arrived.arrival =
        timer_.timeoutAfter(bounds_.handshake.count() * kj::MILLISECONDS, kj::mv(arrival))
            .then([] {},
                  [this, id](kj::Exception&& e) {
                    turn_away(id, error_of_arrival(e, bounds_.handshake).message);
                  })
            .eagerlyEvaluate(nullptr);
  }

  kj::Promise<void> verify(guest_id id, kj::AuthenticatedStream secure, kj::Own<byte_count> count) {
    auto name = name_of(*secure.peerIdentity);
    if (!name) return KJ_EXCEPTION(FAILED, name.error().message.c_str());
    guest& arrived = guests_.at(id);
    arrived.name = std::move(*name);
    arrived.line = connection::serve(
        {kj::mv(secure.stream), kj::mv(count)}, timer_, bounds_,
        {.join = [this, id](shared_bytes hello) { return join(id, std::move(hello)); },
         .received = on_.received,
         .closed = [this, id](session& handle,
                              error reason) { closed(id, handle, std::move(reason)); }});
    return arrived.line->joined();
  }

  result<std::pair<std::shared_ptr<session>, shared_bytes>> join(guest_id id, shared_bytes hello) {
    if (guests_.size() - strangers_.size() >= bounds_.sessions_max)
      return refused(id, {errc::resource_exhausted,
                          fmt::format("all {} sessions are taken", bounds_.sessions_max)});
    if (hello.size() > bounds_.frame_bytes_max)
      return refused(
          id, {errc::invalid_argument, fmt::format("a hello of {} bytes, over the limit of {}",
                                                   hello.size(), bounds_.frame_bytes_max)});
    auto handle = std::make_shared<session>(guests_.at(id).name, bounds_, loop_);
    auto welcome = on_.joined(handle, std::move(hello));
    if (!welcome) return refused(id, std::move(welcome.error()));
    strangers_.erase(id);
    return std::pair(std::move(handle), std::move(*welcome));
  }

  std::unexpected<error> refused(guest_id id, error reason) {
    guests_.at(id).refused = true;
    log_.write(describe(guests_.at(id)) + ": refused: " + reason.message);
    return std::unexpected(std::move(reason));
  }

  /// May be called from the guest's own promise, so the guest goes a little later.
  void turn_away(guest_id id, std::string reason) {
    if (!strangers_.erase(id)) return;
    // One that was refused has had its line.
    if (!guests_.at(id).refused) log_.write(describe(guests_.at(id)) + ": turned away: " + reason);
    loop_->post([this, id] { guests_.erase(id); });
  }

  void closed(guest_id id, session& handle, error reason) {
    on_.closed(handle, std::move(reason));
    leaving_.insert(id);
    loop_->post([this, id] {
      if (leaving_.erase(id)) remove(id);
    });
  }

  void remove(guest_id id) {
    auto line = guests_.at(id).line;
    guests_.erase(id);
    auto farewell = line->farewell();
    lingering_.add(kj::mv(farewell).attach(kj::heap(std::move(line))));
  }

  static std::string describe(const guest& arrived) {
    return arrived.name.empty() ? arrived.address
                                : fmt::format("{} ({})", arrived.name, arrived.address);
  }

  void taskFailed(kj::Exception&&) override {} // a farewell that did not arrive

  kj::Timer& timer_;
  std::shared_ptr<link_loop> loop_;
  kj::Own<kj::TlsContext> tls_;
  kj::Own<kj::ConnectionReceiver> port_;
  const server_events on_;
  const limits bounds_;
  quiet_log log_;
  guest_id next_id_ = 1;
  std::map<guest_id, guest> guests_;
  std::set<guest_id> strangers_; // guests that have not joined, the oldest first
  std::set<guest_id> leaving_;
  kj::TaskSet lingering_;
  kj::Promise<void> accepting_;
};

} // namespace

server::server(std::unique_ptr<link_thread> thread, uint16_t port)
    : thread_(std::move(thread)), port_(port) {}

server::~server() = default;

result<std::unique_ptr<server>> server::listen(std::string address, identity self, server_events on,
                                               limits bounds) {
  uint16_t number = 0;
  auto make = [&](kj::AsyncIoContext& io,
                  std::shared_ptr<link_loop> loop) -> result<std::unique_ptr<resident>> {
    auto tls = tls_context(self);
    if (!tls) return std::unexpected(tls.error());
    kj::Own<kj::ConnectionReceiver> port;
    auto problem = kj::runCatchingExceptions([&] {
      port = io.provider->getNetwork().parseAddress(address.c_str()).wait(io.waitScope)->listen();
      number = static_cast<uint16_t>(port->getPort());
    });
    KJ_IF_MAYBE (e, problem) {
      return fail(errc::failed_precondition, "cannot listen on '{}': {}; expected host:port",
                  address, text_of(*e));
    }
    return std::make_unique<server_core>(io, std::move(loop), kj::mv(*tls), kj::mv(port),
                                         std::move(on), bounds);
  };
  auto thread = link_thread::start(make);
  if (!thread) return std::unexpected(thread.error());
  return std::unique_ptr<server>(new server(std::move(*thread), number));
}

} // namespace troupe::link
