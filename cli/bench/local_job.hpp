// A job of this machine alone, for `troupe bench --ranks N --reducers K`: reducers and further
// ranks as processes of this same command, over loopback. They end with this process, however it
// ends: the kernel kills them when it is gone.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::cli {

struct process_use {
  std::string name;    // "reducer 0", "rank 1"
  int exit_status = 0; // as a shell gives it: 128 + the signal for a killed one
  double cpu_s = 0;
};

class local_job {
public:
  /// Starts `reducers` reducers (with none, ranks reduce among themselves), and a process with
  /// `rank_arguments` for each rank but 0; puts what rank 0 needs to know into this process's
  /// environment. Call it before any thread is started. Errors: unavailable where a process cannot
  /// be started or a reducer does not listen in time.
  static result<std::unique_ptr<local_job>> start(uint32_t ranks, uint32_t reducers,
                                                  const std::vector<std::string>& rank_arguments);
  /// Kills processes that still run.
  ~local_job();
  local_job(const local_job&) = delete;
  local_job& operator=(const local_job&) = delete;

  /// Waits until all have ended, and records what they used. Errors: unavailable naming one that
  /// failed; deadline_exceeded naming one that did not end in time.
  result<> finish();

  /// What the processes have written to stderr so far, for when something failed. After an orderly
  /// end it holds only lines about other processes that have left.
  std::string complaints() const;

  std::vector<double> rank_cpu_s() const { return cpu_of("rank"); }
  std::vector<double> reducer_cpu_s() const { return cpu_of("reducer"); }

private:
  struct child {
    std::string name;
    pid_t pid = 0;
    int output = -1; // its stdout, a file in memory
    int errors = -1; // its stderr
  };
  /// Waits until all reducers listen; "host:port,host:port".
  result<std::string> reducer_addresses() const;
  /// An address of this machine that stays free as long as this object lives.
  result<std::string> reserve_address();
  using variables = std::map<std::string, std::string>;

  local_job() = default;
  result<> spawn(std::string name, const std::vector<std::string>& arguments,
                 const variables& changes);
  result<std::string> address_of(const child& reducer) const;
  std::vector<double> cpu_of(std::string_view kind) const;

  std::vector<child> running_;
  std::vector<process_use> ended_;
  int reserved_ = -1;      // a bound socket that never listens
  std::string complaints_; // of those that ended
};

} // namespace troupe::cli
