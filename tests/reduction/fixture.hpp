// Reducers on threads or in processes, and ranks against them, on the loopback.
#pragma once

#include "reduction/api/troupe.h"
#include "reduction/rank/communicator.hpp"
#include "reduction/reducer/reducer.hpp"

#include <functional>
#include <future>
#include <map>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace troupe::reduction::test {

/// k reducers on threads of this process.
class reducer_threads {
public:
  explicit reducer_threads(uint32_t count, reducer_options options);
  ~reducer_threads();

  uint16_t port(size_t index) const { return ports_[index]; }
  std::string list() const; // "127.0.0.1:1,127.0.0.1:2"
  void stop();
  /// How the reducer ended; blocks until it has.
  result<> outcome(size_t index);

private:
  unique_fd stop_fd_;
  std::vector<uint16_t> ports_;
  std::vector<std::future<result<>>> outcomes_;
};

/// Options that fit the fixture: loopback, job "job-1", token "secret".
reducer_options default_options(uint32_t world_size);

/// The options of troupe_init.
struct rank_settings {
  std::string reducers;
  std::string job = "job-1";
  std::string token = "secret";
  uint32_t attempt = 0;
  uint32_t rank = 0;
  uint32_t world_size = 1;
  uint32_t connect_timeout_ms = 20'000;
};
troupe_status open_rank(const rank_settings& settings, troupe_comm** comm);

/// Opens n ranks on threads, calls `body` on each with its communicator and rank, and finalizes.
void on_ranks(const std::string& reducers, uint32_t world_size,
              const std::function<void(troupe_comm*, uint32_t rank)>& body);

/// A child process with its standard output on a pipe. Killed and reaped at the end.
class child {
public:
  child(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment);
  child(child&& other) noexcept;
  ~child();

  pid_t pid() const { return pid_; }
  /// The next line, or "" at the end, or "(timeout)" after ten seconds.
  std::string line();
  void signal(int number) const;
  /// Exit status, or minus the signal.
  int wait();

private:
  pid_t pid_ = -1;
  unique_fd out_;
  std::string buffered_;
};

/// Reducers and ranks as processes.
struct process_tier {
  process_tier(uint32_t ranks, uint32_t reducers, uint32_t timeout_ms,
               const std::string& rank_role = "rank", size_t count = 300'000);
  std::vector<child> reducers;
  std::vector<child> ranks;
};

} // namespace troupe::reduction::test
