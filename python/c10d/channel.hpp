// One communicator of libtroupe as a process group uses it: operations are started from any thread,
// in the order of the calls. One thread of the channel waits for them in that order, moves results
// to the caller's tensors, and completes the objects that c10d handed out. However many operations
// are under way, no other thread is blocked for them.
#pragma once

#include "python/c10d/work.hpp"
#include "reduction/api/troupe.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace troupe::backend {

using starter = std::function<troupe_status(troupe_comm*, troupe_request**)>;

class channel : public std::enable_shared_from_this<channel> {
public:
  // `owned`: the communicator is finalized by close(). Others belong to the package's Python side.
  static std::shared_ptr<channel> open(troupe_comm* comm, bool owned);

  // Starts an operation, and has `result` completed once it is done and `finish` has run. Throws
  // failure where it cannot be started. `finish` keeps the arrays alive.
  void submit(const starter& start, std::function<void()> finish, c10::intrusive_ptr<work> result);

  void choose_wire(troupe_wire wire); // throws failure
  // What the communicator waits for, for error texts: "waiting for rank 3 since 12 s", or "".
  std::string waiting_for();

  // Waits for the operations under way, at most this long, and releases the communicator.
  // Operations that are under way even then fail.
  void close(std::chrono::milliseconds patience);
  // The same for all channels, at the end of the process.
  static void close_all(std::chrono::milliseconds patience);

private:
  struct entry {
    troupe_request* request;
    std::function<void()> finish;
    c10::intrusive_ptr<work> result;
  };

  channel(troupe_comm* comm, bool owned) : comm_(comm), owned_(owned) {}
  void run();
  static void complete(entry& next);

  std::mutex mutex_;                // guards all below but owned_
  std::condition_variable wake_;    // the completing thread: something was started, or close()
  std::condition_variable changed_; // close(): nothing is under way, or the thread has ended
  troupe_comm* comm_;
  const bool owned_;
  std::deque<entry> queue_;
  size_t under_way_ = 0;
  bool closing_ = false;
  bool ended_ = false;
  std::thread::id completer_;
};

} // namespace troupe::backend
