#include "api/http/server.hpp"

#include "api/http/http_service.hpp"

#include <kj/async-io.h>
#include <kj/compat/http.h>

#include <arpa/inet.h>
#include <future>
#include <netinet/in.h>
#include <thread>

namespace troupe::api {

namespace {

bool is_loopback(kj::AsyncIoStream& connection) {
  sockaddr_storage peer{};
  kj::uint length = sizeof peer;
  auto problem = kj::runCatchingExceptions(
      [&] { connection.getpeername(reinterpret_cast<sockaddr*>(&peer), &length); });
  if (problem != nullptr) return false;
  if (peer.ss_family == AF_INET)
    return ntohl(reinterpret_cast<sockaddr_in&>(peer).sin_addr.s_addr) >> 24 == 127;
  if (peer.ss_family != AF_INET6) return false;
  const auto& address = reinterpret_cast<sockaddr_in6&>(peer).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&address)
         || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

kj::HttpServerSettings http_settings(const server_settings& chosen, protocol_errors& errors) {
  kj::HttpServerSettings settings;
  settings.headerTimeout = chosen.header_timeout_ms.count() * kj::MILLISECONDS;
  settings.pipelineTimeout = chosen.idle_timeout_ms.count() * kj::MILLISECONDS;
  settings.errorHandler = errors;
  return settings;
}

/// The listening socket, its connections, and the loop that accepts them.
class listener final : private kj::TaskSet::ErrorHandler {
public:
  listener(shared_state& shared, kj::Timer& timer, kj::Own<kj::ConnectionReceiver> socket)
      : shared_(shared), timer_(timer), socket_(kj::mv(socket)), errors_(shared, headers_),
        http_(
            timer, *headers_.table,
            [this](kj::AsyncIoStream& connection) -> kj::Own<kj::HttpService> {
              return kj::heap<http_service>(shared_, headers_, timer_, is_loopback(connection));
            },
            http_settings(shared.settings, errors_)),
        tasks_(*this) {}

  kj::uint port() { return socket_->getPort(); }

  kj::Promise<void> accept_forever() {
    return socket_->accept().then(
        [this](kj::Own<kj::AsyncIoStream> connection) {
          serve(kj::mv(connection));
          return accept_forever();
        },
        [this](kj::Exception&&) {
          // Most likely out of file descriptors. Open connections end and free some, so try again.
          return timer_.afterDelay(100 * kj::MILLISECONDS).then([this] {
            return accept_forever();
          });
        });
  }

  kj::Promise<void> drain() { return http_.drain(); }

private:
  void serve(kj::Own<kj::AsyncIoStream> connection) {
    if (open_ >= shared_.settings.connections_max) return;
    ++open_;
    tasks_.add(http_.listenHttp(kj::mv(connection)).attach(kj::defer([this] { --open_; })));
  }

  // A broken connection concerns only its client.
  void taskFailed(kj::Exception&&) override {}

  shared_state& shared_;
  kj::Timer& timer_;
  kj::Own<kj::ConnectionReceiver> socket_;
  header_table headers_;
  protocol_errors errors_;
  kj::HttpServer http_;
  size_t open_ = 0;
  kj::TaskSet tasks_;
};

using stop_signal = kj::Own<kj::CrossThreadPromiseFulfiller<void>>;

struct started {
  uint16_t port = 0;
  stop_signal stop;
};

/// The event-loop thread. Sets `ready` once, when the server listens or cannot.
void serve(shared_state& shared, std::promise<result<started>>& ready) {
  bool reported = false;
  auto problem = kj::runCatchingExceptions([&] {
    auto io = kj::setupAsyncIo();
    auto& timer = io.provider->getTimer();
    auto address =
        io.provider->getNetwork().parseAddress(shared.settings.listen.c_str()).wait(io.waitScope);
    listener listening(shared, timer, address->listen());
    auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
    reported = true;
    ready.set_value(started{uint16_t(listening.port()), kj::mv(stop.fulfiller)});
    stop.promise.exclusiveJoin(listening.accept_forever()).wait(io.waitScope);
    listening.drain().exclusiveJoin(timer.afterDelay(1 * kj::SECONDS)).wait(io.waitScope);
  });
  KJ_IF_MAYBE (exception, problem)
    if (!reported)
      ready.set_value(fail(errc::unavailable,
                           "api: cannot listen on {}: {}; expected host:port, as 127.0.0.1:8080, "
                           "that no other process listens on",
                           shared.settings.listen, exception->getDescription().cStr()));
}

} // namespace

struct server::impl {
  impl(server_settings settings, backend& cluster) : shared(std::move(settings), cluster) {}
  ~impl() {
    shared.stopping = true;
    if (loop.port != 0) loop.stop->fulfill();
    if (thread.joinable()) thread.join();
  }

  shared_state shared;
  started loop;
  std::thread thread;
};

server::server(std::unique_ptr<impl> started) : impl_(std::move(started)) {}
server::~server() = default;

result<std::unique_ptr<server>> server::start(server_settings settings, backend& cluster) {
  if (settings.token.empty())
    return fail(errc::invalid_argument,
                "api: the server has no token; expected a secret text that every request carries");
  auto made = std::make_unique<impl>(std::move(settings), cluster);
  std::promise<result<started>> ready;
  auto start = ready.get_future();
  made->thread = std::thread(
      [&shared = made->shared, ready = std::move(ready)]() mutable { serve(shared, ready); });
  auto outcome = start.get();
  if (!outcome) return std::unexpected(outcome.error());
  made->loop = std::move(*outcome);
  return std::unique_ptr<server>(new server(std::move(made)));
}

uint16_t server::port() const { return impl_->loop.port; }

} // namespace troupe::api
