// The agent's end of a link: dials the controller, greets with the ledger's hello at every
// (re)connection, and carries orders in and reports out.
#pragma once

#include "actors/actors.hpp"
#include "actors/node_ledger.hpp"
#include "link/client.hpp"

#include <memory>
#include <string>

namespace troupe::actors {

class controller_link {
public:
  /// Dials `address` until destroyed, and attaches the agent to the link.
  static result<std::unique_ptr<controller_link>>
  dial(caf::actor_system& system, local_agent_actor agent, const node_ledger& ledger,
       std::string address, std::string controller_name, link::identity identity);
  ~controller_link();

private:
  struct impl;
  explicit controller_link(std::unique_ptr<impl> impl);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::actors
