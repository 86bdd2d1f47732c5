#include "core/state/node_records.hpp"

namespace troupe::core {

using wire::text;

wire::frame<wire::NodeRecord> record_of(const node& n) {
  return wire::frame<wire::NodeRecord>::build([&](wire::NodeRecord::Builder record) {
    auto hello = record.initHello();
    hello.setName(text(n.name));
    hello.setAddress(text(n.address));
    hello.setBootId(text(n.boot_id));
    hello.setVersion(text(n.version));
    hello.setAgentEpoch(n.agent_epoch);
    set_amounts(hello.initResources(), n.total);
    hello.setPortFirst(n.port_first);
    hello.setPortLast(n.port_last);
    record.setConnected(n.connected);
    record.setLastSeenMicros(n.last_seen_micros);
    record.setQuarantine(text(n.quarantine));
    amounts used = n.used;
    used.gpu_type = n.total.gpu_type;
    set_amounts(record.initAllocated(), used);
  });
}

void read(node& n, wire::NodeRecord::Reader record) {
  auto hello = record.getHello();
  n.name = wire::str(hello.getName());
  n.address = wire::str(hello.getAddress());
  n.boot_id = wire::str(hello.getBootId());
  n.version = wire::str(hello.getVersion());
  n.agent_epoch = hello.getAgentEpoch();
  n.total = amounts_of(hello.getResources());
  n.port_first = hello.getPortFirst();
  n.port_last = hello.getPortLast();
  n.connected = record.getConnected();
  n.last_seen_micros = record.getLastSeenMicros();
  n.quarantine = wire::str(record.getQuarantine());
}

} // namespace troupe::core
