// Nodes between the state and what is stored and shown.
#pragma once

#include "core/state/nodes.hpp"
#include "wire/frame.hpp"

namespace troupe::core {

wire::frame<wire::NodeRecord> record_of(const node&);
void read(node&, wire::NodeRecord::Reader);

} // namespace troupe::core
