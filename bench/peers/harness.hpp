// The common part of all peers of the comparison: the command line, the loop that times an
// all-reduce at each size, the check of its results, and the JSON line per size. A peer defines
// only how it joins and how it all-reduces, so no difference between two peers comes from the
// method.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe::bench {

/// One library's way to sum an array over all ranks, in place.
class peer {
public:
  virtual ~peer() = default;
  virtual uint32_t rank() const = 0;
  virtual uint32_t world_size() const = 0;
  virtual result<> allreduce(std::span<float> array) = 0;

  /// Sends what the library still has to send after an all-reduce; false if the library does so by
  /// itself.
  virtual bool progress() { return false; }
};

struct harness_options {
  std::string name;              // in the JSON
  std::string meeting;           // a folder that all ranks share, on one machine
  std::vector<uint64_t> sizes;   // in bytes
  double seconds = 0.4;          // to spend on each size
  uint32_t min_iterations = 5;   // however long they take
  uint32_t max_iterations = 400; // however short they are
  uint32_t warmup = 3;
};

/// Reads `--sizes 8,64,4096 --seconds .. --min-iterations .. --max-iterations .. --warmup .. --name
/// ..`; the meeting folder is the environment's PEER_MEETING.
result<harness_options> parse_harness_options(int argc, char** argv, std::string name);

/// RANK, WORLD_SIZE, PEER_ADDRESS and PEER_MEETING: this process's place, for peers that have no
/// launcher.
struct membership {
  uint32_t rank = 0;
  uint32_t world_size = 1;
  std::string address; // of this rank's network interface
  std::string meeting;
};
result<membership> membership_from_env();

/// Times all sizes, and prints a JSON line for each where this is rank 0.
result<> run_harness(peer& peer, const harness_options& options);

/// For main: prints the error and gives the exit status.
int finish(const result<>& ended, const std::string& name);

} // namespace troupe::bench
