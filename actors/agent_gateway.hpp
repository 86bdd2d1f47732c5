// The controller's end of the links: every node that dials in becomes an agent proxy, which the
// controller cannot tell from an agent of its own process.
#pragma once

#include "actors/actors.hpp"
#include "link/server.hpp"

#include <memory>
#include <string>

namespace troupe::actors {

class agent_gateway {
public:
  /// Listens on `address` ("host:port"). `cluster_id` and `epoch` go into every welcome.
  static result<std::unique_ptr<agent_gateway>> open(caf::actor_system& system,
                                                     controller_actor controller,
                                                     std::string address, link::identity identity,
                                                     std::string cluster_id, uint64_t epoch);
  ~agent_gateway();

  uint16_t port() const;

private:
  struct impl;
  explicit agent_gateway(std::unique_ptr<impl> impl);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::actors
