#include "link/client.hpp"

#include "link/connection.hpp"
#include "link/link_loop.hpp"
#include "link/tls.hpp"

#include <spdlog/spdlog.h>

#include <random>
#include <utility>

namespace troupe::link {

namespace {

struct target {
  std::string address;
  std::string peer_name;
};

class client_core final : public resident, private kj::TaskSet::ErrorHandler {
public:
  client_core(kj::AsyncIoContext& io, std::shared_ptr<link_loop> loop, kj::Own<kj::TlsContext> tls,
              target to, std::function<shared_bytes()> make_hello, client_events on, limits bounds)
      : timer_(io.provider->getTimer()), network_(io.provider->getNetwork()),
        loop_(std::move(loop)), tls_(kj::mv(tls)), to_(std::move(to)),
        make_hello_(std::move(make_hello)), on_(std::move(on)), bounds_(bounds),
        pause_(bounds.redial_first), lingering_(*this) {
    dial();
  }

  kj::Promise<void> wind_down() override {
    if (line_) {
      // Without effect where there is no session yet, or none any more.
      if (welcomed_) line_->finish({errc::cancelled, "the client ends"}, true);
      attempt_ = nullptr;
      dismiss();
    }
    return lingering_.onEmpty();
  }

private:
  void dial() {
    refused_ = std::make_shared<error>();
    auto arrival =
        network_.parseAddress(to_.address.c_str())
            .then([](kj::Own<kj::NetworkAddress> address) {
              auto connecting = address->connect();
              return connecting.attach(kj::mv(address));
            })
            .then([this](kj::Own<kj::AsyncIoStream> stream) { return secure(kj::mv(stream)); });
    attempt_ =
        timer_.timeoutAfter(bounds_.handshake.count() * kj::MILLISECONDS, kj::mv(arrival))
            .then(
                [this] {
                  if (!welcomed_) failed(*refused_);
                },
                [this](kj::Exception&& e) { failed(error_of_arrival(e, bounds_.handshake)); })
            .eagerlyEvaluate(nullptr);
  }

  kj::Promise<void> secure(kj::Own<kj::AsyncIoStream> stream) {
    auto count = kj::refcounted<byte_count>();
    auto watched = kj::heap<watched_stream>(kj::mv(stream), kj::addRef(*count));
    return tls_->wrapClient(kj::mv(watched), to_.peer_name)
        .then([this, count = kj::mv(count)](kj::Own<kj::AsyncIoStream> secured) mutable {
          return join(kj::mv(secured), kj::mv(count));
        });
  }

  kj::Promise<void> join(kj::Own<kj::AsyncIoStream> secured, kj::Own<byte_count> count) {
    auto handle = std::make_shared<session>(to_.peer_name, bounds_, loop_);
    line_ = connection::dial(
        {kj::mv(secured), kj::mv(count)}, timer_, bounds_,
        {.join = {}, .received = on_.received, .closed = [this](session& peer, error reason) {
           closed(peer, std::move(reason));
         }});
    return line_->join(
        handle, make_hello_(),
        [this, handle](shared_bytes welcome) {
          welcomed_ = true;
          pause_ = bounds_.redial_first;
          last_failure_.clear();
          on_.welcome(handle, std::move(welcome));
        },
        refused_);
  }

  void failed(error reason) {
    // All that kj passes on, whether the authority or the name is wrong.
    if (reason.message.ends_with("certificate verify failed"))
      reason.message +=
          fmt::format("; expected one of our authority, in the name of {}", to_.peer_name);
    reason.message =
        fmt::format("cannot reach {} at {}: {}", to_.peer_name, to_.address, reason.message);
    if (on_.failed)
      on_.failed(reason);
    else if (reason.message != last_failure_)
      spdlog::warn("link: {}; dialling again", reason.message);
    last_failure_ = reason.message;
    loop_->post([this] { again(); });
  }

  void closed(session& peer, error reason) {
    on_.closed(peer, std::move(reason));
    welcomed_ = false;
    loop_->post([this] { again(); });
  }

  /// Outside every promise: the old attempt and its connection go here.
  void again() {
    attempt_ = nullptr;
    dismiss();
    // Jitter: a cluster's agents must not all dial a restarted controller in the same instant.
    auto wait_ms =
        std::uniform_int_distribution<int64_t>(pause_.count() / 2, pause_.count())(random_);
    pause_ = std::min(2 * pause_, bounds_.redial_last);
    attempt_ = timer_.afterDelay(wait_ms * kj::MILLISECONDS)
                   .then([this] { loop_->post([this] { dial(); }); })
                   .eagerlyEvaluate(nullptr);
  }

  void dismiss() {
    if (!line_) return;
    auto line = std::exchange(line_, nullptr);
    auto farewell = line->farewell();
    lingering_.add(kj::mv(farewell).attach(kj::heap(std::move(line))));
  }

  void taskFailed(kj::Exception&&) override {} // a farewell that did not arrive

  kj::Timer& timer_;
  kj::Network& network_;
  std::shared_ptr<link_loop> loop_;
  kj::Own<kj::TlsContext> tls_;
  const target to_;
  const std::function<shared_bytes()> make_hello_;
  const client_events on_;
  const limits bounds_;
  std::minstd_rand random_{std::random_device{}()};
  std::chrono::milliseconds pause_;
  std::string last_failure_;
  bool welcomed_ = false;
  std::shared_ptr<error> refused_;
  std::shared_ptr<connection> line_;
  kj::TaskSet lingering_;
  kj::Promise<void> attempt_ = nullptr;
};

} // namespace

client::client(std::unique_ptr<link_thread> thread) : thread_(std::move(thread)) {}

client::~client() = default;

result<std::unique_ptr<client>> client::dial(std::string address, std::string expected_peer_name,
                                             identity self,
                                             std::function<shared_bytes()> make_hello,
                                             client_events on, limits bounds) {
  auto make = [&](kj::AsyncIoContext& io,
                  std::shared_ptr<link_loop> loop) -> result<std::unique_ptr<resident>> {
    auto tls = tls_context(self);
    if (!tls) return std::unexpected(tls.error());
    return std::make_unique<client_core>(io, std::move(loop), kj::mv(*tls),
                                         target{std::move(address), std::move(expected_peer_name)},
                                         std::move(make_hello), std::move(on), bounds);
  };
  auto thread = link_thread::start(make);
  if (!thread) return std::unexpected(thread.error());
  return std::unique_ptr<client>(new client(std::move(*thread)));
}

} // namespace troupe::link
