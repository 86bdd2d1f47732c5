// Turns a configuration into the options of the hosts; shared by the commands `up`, `controller`
// and `agent`.
#pragma once

#include "host/agent_host.hpp"
#include "host/config.hpp"
#include "host/controller_host.hpp"
#include "host/installation.hpp"

namespace troupe::host {

controller_options options_of(const controller_config& config);

agent_options options_of(const agent_config& config, const installation& installed);

} // namespace troupe::host
