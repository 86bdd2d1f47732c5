// Who takes part in a reducer's job: admits ranks through the handshake, drops strangers, passes
// the all-or-nothing verdict, keeps heartbeats, notices who is lost, and tells everyone why it is
// over. The data path is not its business, beyond holding each rank's endpoint.
#pragma once

#include "reduction/am_worker.hpp"
#include "reduction/reducer.hpp"
#include "reduction/reducer_log.hpp"
#include "reduction/shard.hpp"
#include "reduction/socket.hpp"

#include <list>
#include <optional>

struct pollfd;

namespace troupe::reduction {

enum class member_state : uint8_t { absent, joined, active, gone };

struct member {
  member_state state = member_state::absent;
  frame_socket control;
  hello who;
  std::string from; // its address
  time_point last_heard;
  uint64_t secret = 0;
  am_worker::endpoint* data = nullptr;
  // Its data connection broke. The control connection usually says why a moment later.
  std::optional<std::pair<time_point, std::string>> suspicion;
};

class membership {
public:
  membership(const reducer_options& options, reducer_log& log);

  result<> listen();
  void add_poll_fds(std::vector<pollfd>& out) const;
  /// Accepts, reads and answers whatever has arrived.
  void serve(time_point now);
  /// Deadlines and heartbeats; call at least every tenth of timeout_ms.
  void tick(time_point now);

  /// All ranks are here and the job has not failed.
  bool complete() const { return joined_ == options_.world_size && !failure_; }
  /// The interfaces on which the ranks reached this machine.
  std::vector<std::string> interfaces() const;
  /// Lets every rank begin: each will open its data connection.
  result<> welcome_all(am_worker& data);
  /// The rank has opened its data connection: from now on results can go back on it. When all have,
  /// strangers cannot open any more.
  result<> attach(uint32_t rank, am_worker& data);

  bool all_attached() const { return attached_ == options_.world_size; }

  bool knows(uint32_t rank, uint64_t secret) const;
  member& at(uint32_t rank) { return members_[rank]; }
  /// "rank 1 (host a pid 12)"
  std::string name(uint32_t rank) const;

  /// Ends the job: every rank is told. The first reason stays.
  void fail_all(error why);
  bool failed() const { return failure_.has_value(); }
  const error& failure() const { return *failure_; }
  bool any_departed() const { return gone_ > 0; }
  bool all_gone() const { return gone_ == options_.world_size; }
  /// True once after each goodbye.
  bool departed_lately() { return std::exchange(departed_lately_, false); }
  /// Gives the ranks a second to read the last words.
  void say_farewell();

private:
  struct stranger {
    frame_socket control;
    nonce server_nonce;
    std::string from;
    time_point deadline;
  };
  void accept_strangers(time_point now);
  void log_drop(std::string_view from, std::string_view reason);
  /// True when the stranger is done with: admitted or dropped.
  bool hear(stranger& from, time_point now);
  std::optional<rejection> objection_to(const hello& who) const;
  void admit(stranger& from, hello who, time_point now);
  void hear(uint32_t rank, time_point now);
  void lose(uint32_t rank, const std::string& how);

  const reducer_options& options_;
  reducer_log& log_;
  unique_fd listener_;
  std::list<stranger> strangers_;
  std::vector<member> members_;
  uint32_t joined_ = 0;
  uint32_t gone_ = 0;
  uint32_t attached_ = 0;
  bool started_ = false;
  bool departed_lately_ = false;
  std::optional<error> failure_;
  std::optional<time_point> assembly_deadline_;
  time_point next_heartbeat_;
  time_point last_tick_;
  uint64_t dropped_ = 0;
};

} // namespace troupe::reduction
