// All streams that one UCX worker combines for one job: knows the job's ranks by their secrets,
// opens shards when ranks ask for them, and sends the results back. Used by a reducer's threads,
// and by every rank for the share of the work that the ranks do themselves.
//
// Everything happens on the UCX worker's thread.
#pragma once

#include "reduction/reducer/shard.hpp"
#include "reduction/transport/am_worker.hpp"

#include <functional>
#include <memory>
#include <unordered_map>

namespace troupe::reduction {

class shard_host {
public:
  struct settings {
    uint32_t chunk_bytes = 256 * 1024;
    uint32_t slots = 16;
  };
  /// A rank of the job that may send here.
  struct peer {
    uint64_t secret = 0;
    std::vector<byte_vector> addresses; // of its UCX workers
  };
  struct callbacks {
    std::function<void(uint32_t rank)> attached;
    std::function<void(uint32_t rank, const std::string& reason)> connection_lost;
    /// The ranks disagree, or one broke the protocol.
    std::function<void(error)> trouble;
    /// A message without the secret of any rank.
    std::function<void()> stranger;
  };
  /// Results for the rank that runs this host itself, which need no network.
  using local_result = std::function<void(const shard::outcome&, byte_span payload)>;

  /// Registers the receivers; `data` outlives the host.
  shard_host(am_worker& data, const settings& chosen, std::vector<peer> peers, callbacks handlers);

  /// Makes `rank` local: its contributions come through contribute().
  void be_local(uint32_t rank, local_result receive);
  void open_locally(const chunk_header& header, std::vector<uint32_t> members);
  void contribute_locally(const chunk_header& header, byte_span payload);
  void close_locally(const chunk_header& header);

  /// Does what receivers have postponed; call after each progress. True when there was something.
  bool catch_up();
  /// Whether a chunk of a short operation, whose time is all latency, has come since the last call.
  bool had_brief() { return std::exchange(had_brief_, false); }

  /// The endpoint to a rank's UCX worker, where it has attached or been connected.
  am_worker::endpoint* endpoint(uint32_t rank, uint32_t engine) const;

  std::optional<waiting_chunk> oldest_waiting() const;
  size_t peak_bytes() const { return pool_.peak_bytes(); }
  size_t streams() const { return shards_.size(); }

private:
  struct member {
    peer identity;
    std::vector<am_worker::endpoint*> endpoints; // by the rank's UCX worker
  };
  struct stream {
    std::unique_ptr<class shard> shard;
    std::unordered_map<uint32_t, uint32_t> member_of; // the job's rank to the group's
    std::vector<am_worker::endpoint*> endpoints;      // by the group's rank; none: not open yet
    uint32_t closed = 0;
  };
  struct attachment {
    uint32_t rank;
    uint32_t engine;
    uint16_t lane; // the number that the rank has for this place
  };
  static uint64_t key_of(const chunk_header& header) {
    return uint64_t{header.group} << 16 | header.lane;
  }
  std::optional<uint32_t> rank_of(const chunk_header& header);
  void open(uint32_t rank, const chunk_header& header, std::vector<uint32_t> members);
  void contribute(uint32_t rank, const chunk_header& header, byte_span payload);
  void close(const chunk_header& header);
  void attach(const attachment& request);
  void send_results(stream& from, const shard::outcome& outcome);

  am_worker& data_;
  settings settings_;
  buffer_pool pool_;
  std::vector<member> members_;
  std::unordered_map<uint64_t, uint32_t> rank_by_secret_;
  std::unordered_map<uint64_t, stream> shards_;
  callbacks callbacks_;
  std::optional<uint32_t> local_rank_;
  local_result receive_locally_;
  std::vector<attachment> attaching_;
  bool had_brief_ = false;
};

} // namespace troupe::reduction
