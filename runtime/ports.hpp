// Whether the port that a replica was given is free on this node.
#pragma once

#include "wire/control.capnp.h"
#include "base/error.hpp"

namespace troupe::runtime {

/// Errors: unavailable if another process listens there. A host that is not an address of this node
/// is not judged.
result<> check_port(wire::PoolPlacement::Endpoint::Reader);

} // namespace troupe::runtime
