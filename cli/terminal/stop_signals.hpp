// The signals that end a server (SIGINT, SIGTERM), read as events so that the server ends in order.
#pragma once

#include "base/error.hpp"

namespace troupe::cli {

/// Blocks SIGINT and SIGTERM in this thread and in all threads that it starts later; so make it
/// before any other thread.
class stop_signals {
public:
  stop_signals();
  ~stop_signals();
  stop_signals(const stop_signals&) = delete;

  /// Waits for one of them.
  void wait();
  /// A descriptor that becomes readable with one of them, for code that has an event loop.
  result<int> descriptor();

private:
  int fd_ = -1;
};

} // namespace troupe::cli
