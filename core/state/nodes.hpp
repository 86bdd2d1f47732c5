// Nodes, as plain values: what each offers, what is taken of it, and its session. "volatile" and times
// as in jobs.hpp.
#pragma once

#include "core/machines/amounts.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <tuple>

namespace troupe::core {

/// A replica that runs on a node although nobody expects it there: of an attempt given up while the
/// node was away.
using unexpected_replica = std::tuple<uint64_t, uint32_t, uint32_t, uint32_t,
                                      uint32_t>; // job, attempt, pool, index, incarnation

struct node {
  std::string name;
  std::string address;
  std::string boot_id;
  std::string version;
  uint64_t agent_epoch = 0;
  amounts total;
  uint16_t port_first = 0;
  uint16_t port_last = 0;
  bool connected = false;
  int64_t last_seen_micros = 0;
  std::string quarantine;
  amounts used;             // by replicas not yet released
  std::set<uint16_t> ports; // theirs
  std::set<uint16_t> gpus;  // theirs, by index
  bool lost = false;        // volatile: away for too long, and its replicas were written off
  bool shrunk = false;      // volatile: came back with less than it had given away
  std::set<unexpected_replica>
      unexpected; // volatile: nothing is placed here before they have stopped

  /// Replicas hold more than the node has.
  bool holds_too_much() const {
    amounts held = used;
    held.gpu_type = total.gpu_type;
    return !fits(held, total);
  }
  bool open() const { return connected && quarantine.empty() && unexpected.empty(); }
};

} // namespace troupe::core
