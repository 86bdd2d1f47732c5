// What the API needs of the cluster behind it. Writes go to the controller, reads go to the
// committed state.
#pragma once

#include "store/store.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <functional>
#include <string>

namespace troupe::api {

/// All calls may come from any thread and return at once; the answer comes on any thread, exactly
/// once.
class backend {
public:
  virtual ~backend() = default;

  virtual void execute(wire::frame<wire::Command> command,
                       std::function<void(wire::frame<wire::Outcome>)> answer) = 0;

  /// Reads a job's log entries from one node. Errors: unavailable while the node is not connected.
  virtual void read_logs(std::string node, wire::frame<wire::LogQuery> query,
                         std::function<void(result<wire::frame<wire::LogChunk>>)> answer) = 0;

  virtual const store::database& database() const = 0;
};

} // namespace troupe::api
