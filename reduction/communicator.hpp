// A worker's side of the reduction tier: all-reduces arrays through the job's reducers. One
// background thread owns the data path and the control connections; callers hand it operations and
// wait. Heartbeats go on whatever the callers do.
//
// Chunk c of operation o travels to reducer (o + c) modulo k: big arrays use all reducers evenly,
// and so do many small ones. The array is sent from and received into the caller's memory; nothing
// is staged.
#pragma once

#include "reduction/rendezvous.hpp"
#include "reduction/types.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace troupe::reduction {

/// One all-reduce under way.
struct operation {
  uint64_t number = 0;
  const std::byte* input = nullptr;
  std::byte* output = nullptr;
  uint64_t count = 0;
  dtype type{};
  reduce_op op{};
  uint64_t chunks = 0;
  uint64_t results_missing = 0; // the background thread's
  uint64_t sends_missing = 0;   // the background thread's

  bool done = false; // under the communicator's mutex, as is `outcome`
  result<> outcome;
};
using operation_ptr = std::shared_ptr<operation>;

class communicator {
public:
  /// Meets all reducers; see meet_reducers for the errors.
  static result<std::unique_ptr<communicator>> open(communicator_options options);
  ~communicator();
  communicator(const communicator&) = delete;
  communicator& operator=(const communicator&) = delete;

  /// Starts an all-reduce of `count` elements; `input` may equal `output`, and must not overlap it
  /// otherwise. Both stay valid and untouched until it is done. Every rank must start the same
  /// operations in the same order. Fails at once when the communicator has failed or was finalized.
  result<operation_ptr> start(const void* input, void* output, uint64_t count, dtype type,
                              reduce_op op);
  result<> wait(operation& which);
  bool done(operation& which);

  /// Leaves in good order. Errors: failed_precondition where operations are still under way (they
  /// fail, and so does the job). After a failure it returns success. The second call does nothing.
  result<> finalize();

  const communicator_options& options() const { return options_; }
  /// Why the communicator can no longer be used, if so.
  result<> health();

  /// In a forked child: lets go of the control connections, so that the parent's death is noticed
  /// by its peers even while the child lives. The child can use the communicator no more.
  void abandon_after_fork();

private:
  struct under_way {
    operation_ptr op; // none: the slot is free
    uint64_t chunk = 0;
  };
  struct lane; // all that concerns one reducer

  explicit communicator(communicator_options options, meeting met);
  void run();
  bool take_submissions();
  bool send_chunks();
  bool send_next_chunk(size_t index);
  void on_attached(const chunk_header& header);
  void on_result(const chunk_header& header, byte_span payload);
  void finish_if_complete(const operation_ptr& op);
  void serve_control(bool sleep);
  void hear(size_t index);
  void tick();
  void fail_all(error why);
  void leave();

  communicator_options options_;
  std::unique_ptr<am_worker> data_;
  std::vector<std::unique_ptr<lane>> lanes_;
  uint32_t chunk_bytes_;
  unique_fd wake_fd_;
  std::deque<operation_ptr> active_; // started and not complete, in order
  time_point opened_, last_event_, last_poll_, next_tick_, last_tick_, next_heartbeat_;

  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  std::deque<operation_ptr> submitted_;
  uint64_t operations_ = 0;
  size_t unfinished_ = 0;
  std::optional<error> failure_;
  bool leaving_ = false;
  bool ready_ = false; // every reducer has answered on the data path

  std::atomic<bool> has_submissions_ = false;
  bool failed_ = false; // the background thread's copy
  std::thread thread_;
};

} // namespace troupe::reduction
