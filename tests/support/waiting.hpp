// Waiting for what another process or thread does, without a guess of how long it takes.
#pragma once

#include <chrono>
#include <thread>

namespace troupe::test {

/// Asks every millisecond until `holds()` is true. False after `limit`, which only bounds the time
/// that a failing test takes: nothing that works comes near it.
template <class Predicate>
bool eventually(Predicate holds, std::chrono::milliseconds limit = std::chrono::seconds(60)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

} // namespace troupe::test
