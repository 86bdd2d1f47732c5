// The agent's end of a link: dials the controller, greets with the ledger's hello at every
// (re)connection, and carries orders in and reports out.
#pragma once

#include "actors/actors.hpp"
#include "actors/node_ledger.hpp"
#include "link/client.hpp"

#include <memory>
#include <string>

namespace troupe::actors {

class link_uplink {
public:
  /// Dials `address` until destroyed, and attaches the agent to the link.
  static result<std::unique_ptr<link_uplink>>
  dial(caf::actor_system& system, local_agent_actor agent, const node_ledger& ledger,
       std::string address, std::string controller_name, link::identity identity);
  ~link_uplink();

private:
  struct impl;
  explicit link_uplink(std::unique_ptr<impl> impl);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::actors
