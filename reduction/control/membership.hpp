// The ranks of a job, as a reducer and the hub see them: which have passed the handshake, the
// deadline for the last one, heartbeats, and which are lost. The owner decides what follows from a
// loss.
#pragma once

#include "reduction/control/handshake_listener.hpp"

namespace troupe::reduction {

enum class member_state : uint8_t { absent, joined, active, gone, lost };

struct member {
  member_state state = member_state::absent;
  frame_socket control;
  hello identity;
  std::string from; // its address
  time_point last_heard;
};

class membership {
public:
  struct rules {
    std::string self; // "this reducer"
    std::string job;
    uint32_t attempt = 0;
    uint32_t world_size = 1;
    uint32_t timeout_ms = 10'000;
    uint32_t connect_timeout_ms = 60'000;
  };
  struct callbacks {
    /// A rank is lost after the start; the message begins with its name.
    std::function<void(uint32_t rank, error why)> lost;
    /// Frames that are not the membership's own.
    std::function<void(uint32_t rank, const frame& message)> received;
  };

  /// `log` may be null.
  membership(rules chosen, callbacks handlers, event_log* log);

  std::optional<rejection> admit(handshake_listener::candidate& newcomer, time_point now);
  void add_poll_fds(std::vector<pollfd>& out) const;
  void serve(time_point now);
  /// Deadlines and heartbeats; call at least every tenth of timeout_ms.
  void tick(time_point now);

  /// All ranks are here and the job has not failed.
  bool complete() const { return joined_ == rules_.world_size && !failure_; }
  bool started() const { return started_; }
  /// Begins: each rank is sent the payload that `payload_for` gives for it.
  void start(frame_type type, const std::function<byte_vector(uint32_t rank)>& payload_for);
  void send(uint32_t rank, frame_type type, byte_span payload) {
    members_[rank].control.send(type, payload);
  }
  void send_all(frame_type type, byte_span payload);

  uint32_t size() const { return static_cast<uint32_t>(members_.size()); }
  const member& at(uint32_t rank) const { return members_[rank]; }
  /// "rank 1 (host a pid 12)"
  std::string name(uint32_t rank) const;
  /// The interfaces on which the ranks reached this machine.
  std::vector<std::string> interfaces() const;
  /// The ranks' IPv4 addresses; nothing where one has another kind.
  std::optional<std::vector<uint32_t>> hosts() const;
  /// Its data connection broke. It counts as lost, unless a goodbye comes on its control connection
  /// soon.
  void suspect(uint32_t rank, const std::string& reason, time_point now);

  /// Ends the job: every rank receives the reason. The first reason stays.
  void fail_all(error why);
  bool failed() const { return failure_.has_value(); }
  const error& failure() const { return *failure_; }
  /// Every rank has left or is lost.
  bool all_gone() const { return gone_ + lost_ == rules_.world_size; }
  uint32_t lost_count() const { return lost_; }
  /// Gives the ranks a second to read the last frames.
  void say_farewell();

private:
  std::optional<rejection> objection_to(const hello& identity) const;
  void receive(uint32_t rank, time_point now);
  void lose(uint32_t rank, errc code, const std::string& reason);

  rules rules_;
  callbacks callbacks_;
  event_log* log_;
  std::vector<member> members_;
  std::vector<std::optional<std::pair<time_point, std::string>>> suspicions_;
  uint32_t joined_ = 0;
  uint32_t gone_ = 0;
  uint32_t lost_ = 0;
  bool started_ = false;
  std::optional<error> failure_;
  std::optional<time_point> assembly_deadline_;
  time_point next_heartbeat_;
  time_point last_tick_;
};

} // namespace troupe::reduction
