#include "host/hosting.hpp"

namespace troupe::host {

controller_options options_of(const controller_config& config) {
  controller_options options;
  options.data_directory = config.data_directory;
  options.api_listen = config.api_listen;
  if (config.tls && !config.link_listen.empty())
    options.gateway = gateway_options{config.link_listen, *config.tls};
  options.project = config.project;
  options.location = config.location;
  options.core.machines = config.machines;
  options.core.node_lost_after = config.node_lost_after;
  options.core.termination_grace = config.termination_grace;
  return options;
}

agent_options options_of(const agent_config& config, const installation& installed) {
  agent_options options;
  options.runtime.directory = config.data_directory;
  options.runtime.shim = installed.shim;
  options.runtime.troupe = installed.troupe;
  options.runtime.library = installed.library;
  options.runtime.python_path = installed.python;
  options.runtime.images = config.images;
  options.runtime.buckets = config.buckets;
  options.runtime.log_bytes_max = config.log_bytes_max;
  options.name = config.name;
  if (!config.address.empty()) options.address = config.address;
  options.cpu_millis = config.cpu_millis;
  options.memory_bytes = config.memory_bytes;
  options.gpus = config.gpus;
  options.gpu_type = config.gpu_type.value_or(wire::AcceleratorType::UNSPECIFIED);
  options.port_first = config.port_first;
  options.port_last = config.port_last;
  return options;
}

} // namespace troupe::host
