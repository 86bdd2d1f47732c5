// What the long-running commands share: an actor system, the signals that end a server, and the
// wait for one.
#pragma once

#include "wire/error.hpp"

#include <caf/all.hpp>

#include <string>

namespace troupe::cli {

/// Blocks SIGINT and SIGTERM in this thread and all that it starts from now on; to be called before
/// any other thread.
class stop_signals {
public:
  stop_signals();
  /// Waits for one of them and returns it.
  int wait();
  /// A descriptor that becomes readable with one of them, for code with an event loop of its own.
  result<int> descriptor();
};

/// Settings for actors that never leave their process: no configuration file from the working
/// directory.
class actor_settings : public caf::actor_system_config {
public:
  actor_settings();
};

/// Log lines go to stderr as key=value, one line an event.
void set_up_logging(bool verbose);

} // namespace troupe::cli
