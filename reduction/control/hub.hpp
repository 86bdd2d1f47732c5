// The hub: a thread of rank 0 that knows which ranks are alive. Every rank, rank 0 too, has a control
// connection to it. It sends every rank the list of all ranks, fails the job on all of them within
// the timeout when one is lost, and leads them when a reducer is lost:
//
//   a rank          -> hub    missing: it has lost reducer 1
//   hub -> all ranks          pause: reducer 1 is lost. They drop it and hold its streams.
//   each rank       -> hub    progress: how many results of each held stream it has received
//   hub -> all ranks          resume: how many results of each stream every rank has
//
// From that each rank knows which chunks are to be sent again, see rank_engine::move. A reducer
// that is lost meanwhile starts another round.
#pragma once

#include "reduction/control/membership.hpp"

#include <atomic>
#include <map>
#include <set>
#include <thread>

namespace troupe::reduction {

class hub {
public:
  struct settings {
    host_port listen; // port 0: any
    std::string job;
    std::string token;
    uint32_t attempt = 0;
    uint32_t world_size = 1;
    uint32_t timeout_ms = 10'000;
    uint32_t connect_timeout_ms = 60'000;
    double kappa = -1; // for the roster
  };

  /// Listens, and serves from then on. Errors: unavailable, naming the address.
  static result<std::unique_ptr<hub>> open(settings chosen);
  /// Waits until every rank has left, at most the timeout, and ends.
  ~hub();
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  uint16_t port() const { return port_; }
  /// In a forked child.
  void abandon_after_fork();

private:
  explicit hub(settings chosen);
  void run();
  void receive(uint32_t rank, const frame& message);
  void on_missing(const missing& report);
  void on_progress(uint32_t rank, progress_report report);
  void close_round();
  void start();

  settings settings_;
  membership members_;
  handshake_listener listener_;
  uint16_t port_ = 0;
  unique_fd stop_fd_;
  nonce key_;

  uint32_t round_ = 0;
  bool round_open_ = false;
  std::vector<missing> lost_;
  std::map<uint32_t, progress_report> reports_; // of this round, by rank

  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

} // namespace troupe::reduction
