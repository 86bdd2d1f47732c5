// One TLS connection on the link's thread: it turns frames to calls and calls to frames, keeps the
// order, shows that it lives and notices when the peer does not. Its owner (server or client) makes
// it, hears once that it closed, and destroys it.
#pragma once

#include "link/link.capnp.h"
#include "link/link_loop.hpp"
#include "link/session.hpp"
#include "link/watched_stream.hpp"

#include <capnp/rpc-twoparty.h>
#include <kj/timer.h>

namespace troupe::link {

inline constexpr uint16_t protocol_version = 2;

class connection : public std::enable_shared_from_this<connection>,
                   private kj::TaskSet::ErrorHandler {
public:
  struct events {
    /// Server only: a verified peer asks to join. Answers with the session and the welcome.
    std::function<result<std::pair<std::shared_ptr<session>, shared_bytes>>(shared_bytes hello)>
        join;
    std::function<void(session&, frame)> received;
    /// Once, where a session had begun.
    std::function<void(session&, error)> closed;
  };

  /// The socket's stream under TLS, and what counts its bytes.
  struct wire {
    kj::Own<kj::AsyncIoStream> stream;
    kj::Own<byte_count> count;
  };

  static std::shared_ptr<connection> serve(wire line, kj::Timer& timer, const limits& bounds,
                                           events on);
  static std::shared_ptr<connection> dial(wire line, kj::Timer& timer, const limits& bounds,
                                          events on);
  ~connection() noexcept(false);

  /// Server: resolves when the peer has joined; broken with the reason where it never will.
  kj::Promise<void> joined();

  /// Client: asks to join, and begins the session. `refused` is set where the server said no.
  using opening = std::function<void(shared_bytes welcome)>;
  kj::Promise<void> join(std::shared_ptr<session> handle, shared_bytes hello, opening welcome,
                         std::shared_ptr<error> refused);

  /// Sends what the session has queued, as far as the peer keeps up.
  void pump();

  /// Ends the session; a peer thought to be alive is told.
  void finish(error reason, bool tell_peer);

  /// Resolves when the peer knows that the session ended, or cannot be told.
  kj::Promise<void> farewell();

private:
  class inbox;
  class join_service;

  connection(wire line, kj::Timer& timer, const limits& bounds, events on, bool server);

  void begin(std::shared_ptr<session> handle, rpc::Mailbox::Client peer);
  void arrive(frame next);
  void leave(error reason, bool tell_peer);
  void send(const std::vector<frame>& frames);
  void watch();
  kj::Promise<void> heartbeat();
  void lost(const kj::Exception& reason);
  void taskFailed(kj::Exception&& exception) override;

  const limits bounds_;
  kj::Timer& timer_;
  const events on_;

  wire line_;
  capnp::TwoPartyVatNetwork network_;
  std::optional<capnp::RpcSystem<capnp::rpc::twoparty::VatId>> rpc_;
  std::optional<rpc::Mailbox::Client> peer_;

  std::shared_ptr<session> session_;
  bool open_ = false; // the welcome went out, or came in
  bool finished_ = false;
  std::vector<frame> early_;                        // frames that overtook the welcome
  std::optional<std::pair<error, bool>> early_end_; // and an end that did
  size_t in_flight_bytes_ = 0;
  bool heartbeat_pending_ = false;
  uint64_t heard_before_ = 0;
  kj::Duration silent_for_ = 0 * kj::MILLISECONDS;
  kj::TimePoint checked_at_;
  kj::Own<kj::PromiseFulfiller<void>> joined_;
  kj::Promise<void> joined_promise_ = nullptr;
  kj::Promise<void> farewell_ = kj::READY_NOW;
  kj::TaskSet tasks_;
};

} // namespace troupe::link
