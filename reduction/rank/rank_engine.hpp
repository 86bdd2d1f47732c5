// One thread's share of a communicator: a UCX worker, the lanes that it serves, and the chunks
// under way on them. Array bytes go from and to the caller's memory; nothing is staged, but where
// values change their type for the way.
//
// A lane is one place where chunks are combined: a thread of a reducer, or a rank. Each group of
// ranks has a stream of chunks on each lane, numbered in an order that all ranks agree on. A stream
// keeps its number when the place is lost: it moves on to another one, see hub.hpp.
//
// An engine is driven by one thread at a time, which holds mutex(); it never blocks. Its callbacks,
// and UCX's, run with the mutex held.
#pragma once

#include "base/thread_annotations.hpp"
#include "reduction/rank/operation.hpp"
#include "reduction/rank/pace.hpp"
#include "reduction/reducer/shard_host.hpp"

#include <deque>
#include <map>

namespace troupe::reduction {

/// Where a lane leads.
struct lane_place {
  byte_vector address;           // of its UCX worker; none: this rank itself
  uint64_t secret = 0;           // of the messages between it and this rank
  uint32_t reducer = UINT32_MAX; // the index of the reducer it belongs to; none: it is a rank
};

/// The progress of a stream, for the other ranks when it must move.
struct stream_state {
  uint32_t group = 0;
  uint32_t lane = 0;
  uint32_t received = 0; // results that have arrived: all below this number
};

/// A stream that goes on at another place, and how many results of it each member has.
struct stream_move {
  uint32_t group = 0;
  uint32_t lane = 0;
  std::vector<uint32_t> received; // by the group's rank
};

class rank_engine {
public:
  struct settings {
    uint32_t index = 0; // among the communicator's engines
    uint32_t engines = 1;
    uint32_t slots = 16;
    uint32_t chunk_bytes = 256 * 1024; // the longest chunk
  };
  struct callbacks {
    /// The last engine has done its share of the operation.
    std::function<void(const operation_ptr&)> operation_done;
    /// A lane's connection broke. From drive().
    std::function<void(uint32_t lane, const std::string& reason)> lane_lost;
  };

  rank_engine(const settings& chosen, std::unique_ptr<am_worker> data,
              std::vector<lane_place> lanes, callbacks handlers);
  ~rank_engine();

  /// Opens the connections to the lanes that this engine serves among `lanes`; drive() until
  /// attached(). Errors: unavailable.
  result<> connect(const std::vector<uint32_t>& lanes) TROUPE_REQUIRES(mutex_);
  bool attached() const TROUPE_REQUIRES(mutex_);
  /// The first lane that has not answered yet.
  std::optional<uint32_t> unattached_lane() const TROUPE_REQUIRES(mutex_);

  /// Combines chunks here too, as the job's rank `rank`.
  void host_here(uint32_t rank, std::vector<shard_host::peer> peers, shard_host::callbacks handlers)
      TROUPE_REQUIRES(mutex_);

  /// Errors: unavailable, if a connection fails.
  result<> add_group(std::shared_ptr<const group> info) TROUPE_REQUIRES(mutex_);
  void remove_group(uint32_t id) TROUPE_REQUIRES(mutex_);
  /// Operations of one group are submitted in the order of their numbers.
  void submit(operation_ptr op) TROUPE_REQUIRES(mutex_);

  /// Moves everything on; true when something happened.
  bool drive() TROUPE_REQUIRES(mutex_);
  bool arm() TROUPE_REQUIRES(mutex_) { return data_->arm(); }
  int event_fd() const { return data_->event_fd(); }
  am_worker& data() { return *data_; }
  checked_mutex& mutex() TROUPE_RETURN_CAPABILITY(mutex_) { return mutex_; }

  /// Lets go of lanes that are lost: closes their connections and holds the streams on them.
  /// `hosts` names the lane whose place serves each lane's streams from now on.
  void drop_lanes(const std::vector<uint32_t>& lost, std::vector<uint32_t> hosts)
      TROUPE_REQUIRES(mutex_);
  /// Of the streams that are held.
  std::vector<stream_state> held_streams() const TROUPE_REQUIRES(mutex_);
  /// Sets a held stream going again at its new host. Errors: unavailable.
  result<> move(const stream_move& order) TROUPE_REQUIRES(mutex_);

  /// Another member has reached the group's end, so no rank lacks any result: operations that are
  /// under way in held streams are finished.
  void conclude(uint32_t group) TROUPE_REQUIRES(mutex_);

  /// Ends all traffic: when it returns no array is in use. Operations stay undone.
  void stop() TROUPE_REQUIRES(mutex_);

  uint64_t bytes_sent() const TROUPE_REQUIRES(mutex_) { return bytes_sent_; }
  uint64_t bytes_received() const TROUPE_REQUIRES(mutex_) { return bytes_received_; }

private:
  struct link {
    am_worker::endpoint* endpoint = nullptr; // none: not connected, or this rank itself
    bool attached = false;
    bool lost = false;
  };
  struct group_share;
  // The share of an operation that one engine carries out.
  struct share {
    operation_ptr op;
    group_share* home = nullptr;
    uint32_t lanes_left = 0; // streams that may still find a chunk in it
    uint64_t results_missing = 0;
    uint64_t sends_missing = 0;
    bool finished = false;
  };
  struct entry {
    operation_ptr op; // none: it is finished, and `kept` holds what may be needed again
    uint64_t operation = 0;
    uint32_t chunk = 0;
    shape form;
    piece part;
    time_point sent_at;
    byte_vector kept;   // see keep()
    byte_vector staged; // the bytes as they travel, if they differ from those in memory
  };
  struct stream {
    uint32_t lane = 0;
    uint32_t host = 0; // the lane whose place serves it
    bool open = false;
    bool held = false;
    uint32_t next = 0;         // the next chunk's sequence number
    uint32_t received = 0;     // results that are here: all below this
    uint32_t acknowledged = 0; // results that the present host has sent; less than `received`
                               // after a move, when chunks are gone through again
    uint32_t resent = 0;       // after a move: chunks below `next` are sent again from here
    std::vector<uint32_t> others_received;
    pace pacing;
    uint64_t operation = 0; // the cursor: the next chunk is sought from here on
    uint64_t chunk = 0;
    std::vector<entry> window; // sequence number modulo twice the slots
  };
  struct group_share {
    std::shared_ptr<const group> info;
    std::vector<stream> streams;
    std::map<uint32_t, size_t> stream_of_lane;
    std::deque<share> shares;
    uint64_t first = 0; // the number of the first share
  };
  struct local_outcome {
    shard::outcome outcome;
    byte_span payload;
  };

  bool serves(uint32_t lane) const;
  bool send_chunks() TROUPE_REQUIRES(mutex_);
  bool send_next(group_share& of, stream& on) TROUPE_REQUIRES(mutex_);
  bool resend_next(group_share& of, stream& on) TROUPE_REQUIRES(mutex_);
  bool find_chunk(group_share& of, stream& on) TROUPE_REQUIRES(mutex_);
  static uint32_t window_of(const stream& on, const operation& op);
  void open(const group_share& of, stream& on) TROUPE_REQUIRES(mutex_);
  void send(group_share& of, stream& on, uint32_t sequence, entry& record, const shape& form,
            byte_span payload) TROUPE_REQUIRES(mutex_);
  byte_span contribution_of(entry& record);
  byte_span result_of(entry& record);
  byte_span as_on_the_wire(entry& record, const std::byte* base, element_range range);
  void on_attached(const chunk_header& header) TROUPE_REQUIRES(mutex_);
  void on_result(const chunk_header& header, byte_span payload) TROUPE_REQUIRES(mutex_);
  void deliver_local() TROUPE_REQUIRES(mutex_);
  void settle(share& settled) TROUPE_REQUIRES(mutex_);
  void keep(group_share& of, const operation_ptr& op) TROUPE_REQUIRES(mutex_);
  static share& share_of(group_share& of, uint64_t operation) {
    return of.shares[operation - of.first];
  }

  checked_mutex mutex_;
  settings settings_;
  std::unique_ptr<shard_host> host_; // outlives the worker, whose last messages it may still get
  std::unique_ptr<am_worker> data_;
  std::vector<lane_place> lanes_;
  std::vector<link> links_ TROUPE_GUARDED_BY(mutex_); // by lane
  std::vector<uint32_t>
      hosts_ TROUPE_GUARDED_BY(mutex_); // by lane: the one whose place serves its streams
  uint64_t own_secret_;
  callbacks callbacks_;
  std::map<uint32_t, group_share> groups_ TROUPE_GUARDED_BY(mutex_);
  std::deque<local_outcome> local_outcomes_ TROUPE_GUARDED_BY(mutex_);
  bool stopped_ TROUPE_GUARDED_BY(mutex_) = false;
  time_point now_ TROUPE_GUARDED_BY(mutex_); // when drive() was called
  uint64_t bytes_sent_ TROUPE_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_received_ TROUPE_GUARDED_BY(mutex_) = 0;
};

} // namespace troupe::reduction
