// One UCX worker and its endpoints, narrowed to what the reduction tier needs: eager active
// messages with a chunk_header, completion callbacks, and an event fd to sleep on. Everything of
// one am_worker happens on one thread.
//
// The choices, each for a measured reason: TLS is tcp on named interfaces (UCX picks a wrong
// interface by itself more often than anything else); PEER error mode (a dead peer is reported, and
// endpoints can be closed by force); no rendezvous (UCX 1.13 leaks its descriptors); addresses are
// exchanged by our own handshake, not by UCX's listener.
//
// UCX listens on its own port, and 1.13 ends the process with a failed assertion when a stranger
// sends it the right eight bytes and then garbage. So the kernel drops what strangers send to that
// port: see admit_only and seal.
#pragma once

#include "reduction/control/protocol.hpp"

#include <ucp/api/ucp.h>

#include <functional>
#include <memory>
#include <vector>

namespace troupe::reduction {

enum class message : unsigned {
  attach = 1,       // rank: the first message, which opens the connection for both directions
  attached = 2,     // host: the answer, which shows that both directions work
  contribution = 3, // rank: its share of a chunk
  result = 4,       // host: the chunk that all ranks made
  open = 5,         // rank: I will send chunks of this stream, with these other members
  close = 6,        // rank: I will send no more
};

class am_worker {
public:
  class endpoint;
  using receiver = std::function<void(const chunk_header&, byte_span payload)>;
  /// Called when a send is over: call(context, item). Plain pointers, because one is made per
  /// chunk.
  struct completion {
    void (*call)(void* context, void* item) = nullptr; // none: not called
    void* context = nullptr;
    void* item = nullptr;
  };
  using lost_handler = std::function<void(const std::string& reason)>;

  /// `interfaces`: where to send and listen, such as {"eth0"}. Errors: unavailable, with UCX's
  /// words.
  static result<std::unique_ptr<am_worker>> create(const std::vector<std::string>& interfaces);
  ~am_worker();
  am_worker(const am_worker&) = delete;
  am_worker& operator=(const am_worker&) = delete;

  /// From now on only these IPv4 addresses (in network order) can open connections to UCX's port;
  /// an empty list admits none. Connections that exist stay. May be called from any thread. Errors:
  /// unavailable, with the system's words.
  result<> admit_only(std::span<const uint32_t> addresses);
  result<> seal() { return admit_only({}); }

  /// For the other side's connect().
  const byte_vector& address() const { return address_; }
  /// The endpoint lives as long as this worker; a second one to the same address is the same.
  /// `on_lost` is called at most once, from progress().
  result<endpoint*> connect(byte_span remote_address, lost_handler on_lost);
  /// The receiver gets every message of the kind, from progress(); the payload is valid during the
  /// call only.
  void on_message(message kind, receiver handler);
  /// `payload` must stay in place until `on_sent` is called, which is exactly once, whether the
  /// message went out or failed (a failure also reaches the endpoint's lost handler). `on_sent` may
  /// be called before send() returns. From within a receiver the message is queued until the
  /// receiver has returned.
  void send(endpoint& to, message kind, const chunk_header& header, byte_span payload,
            completion on_sent);

  /// Closes the endpoint by force; when it returns, every send to it has completed, and nothing
  /// more comes from it. Its lost handlers are not called. Not from within progress().
  void close(endpoint& target);
  /// Closes every endpoint.
  void close_endpoints();

  /// Leaves everything to the end of the process. UCX 1.13 fails an assertion when a connection is
  /// torn down while it is still being made, so this is how to go then. Nothing is called after it;
  /// payloads must not be under way.
  void abandon();

  /// Moves things on; true when something happened.
  bool progress();
  /// Call before sleeping on event_fd(); false when there is something to do at once.
  bool arm();
  int event_fd() const { return event_fd_; }

private:
  struct outgoing;
  struct registration;
  am_worker() = default;
  void* start_closing(endpoint& target);
  void finish_closing(void* request);
  void fail_endpoint(endpoint& target, ucs_status_t status);
  void finish(outgoing* sent, ucs_status_t status);
  void post(outgoing* record);

  ucp_context_h context_ = nullptr;
  ucp_worker_h worker_ = nullptr;
  int event_fd_ = -1;
  std::vector<int> listeners_; // UCX's sockets that listen; UCX owns them
  byte_vector address_;
  std::vector<std::unique_ptr<registration>> registrations_;
  std::vector<std::unique_ptr<endpoint>> endpoints_;
  std::vector<std::unique_ptr<outgoing>> records_;
  std::vector<outgoing*> free_records_;
  std::vector<outgoing*> postponed_;
  bool progressing_ = false;
};

} // namespace troupe::reduction
