// The signals that end a server, taken in order instead of by surprise.
#pragma once

#include "base/error.hpp"

namespace troupe::cli {

/// Blocks SIGINT and SIGTERM in this thread and in all that it starts from now on; so it comes
/// before any other thread.
class stop_signals {
public:
  stop_signals();
  ~stop_signals();
  stop_signals(const stop_signals&) = delete;

  /// Waits for one of them.
  void wait();
  /// A descriptor that becomes readable with one of them, for code with an event loop of its own.
  result<int> descriptor();

private:
  int fd_ = -1;
};

} // namespace troupe::cli
