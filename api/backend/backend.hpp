// The cluster behind the API. Writes are commands to the controller; reads come from the committed
// state in the store.
#pragma once

#include "store/store.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <functional>
#include <string>

namespace troupe::api {

/// All functions may be called from any thread and return at once. The answer comes exactly once,
/// on any thread.
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
