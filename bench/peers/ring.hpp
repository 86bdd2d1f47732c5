// A ring all-reduce over plain TCP sockets: the yardstick that every lab is calibrated with, and
// the least that a reduction tier has to beat. One thread and two sockets per rank; no library.
#pragma once

#include "bench/peers/harness.hpp"

namespace troupe::bench {

class ring_peer final : public peer {
public:
  /// Connects to the next rank and accepts the one before.
  static result<std::unique_ptr<ring_peer>> join(const membership& member);
  ~ring_peer() override;

  uint32_t rank() const override { return rank_; }
  uint32_t world_size() const override { return world_size_; }
  result<> allreduce(std::span<float> array) override;

private:
  ring_peer(const membership& member, int next, int previous);

  uint32_t rank_;
  uint32_t world_size_;
  int next_;     // the socket to the next rank
  int previous_; // the socket from the one before
  std::vector<float> arrived_;
};

} // namespace troupe::bench
