// Whether the port that a replica was given is free on this node.
#pragma once

#include "base/error.hpp"
#include "wire/control.capnp.h"

namespace troupe::runtime {

/// Errors: unavailable if another process listens there. A host that is not an address of this node
/// is not checked.
result<> check_port(wire::PoolPlacement::Endpoint::Reader);

} // namespace troupe::runtime
