// The conditions of a figure besides the code: the machine, its kernel, the versions of the linked
// libraries.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace troupe::cli {

struct machine_facts {
  std::string time; // RFC 3339, UTC
  std::string host;
  std::string kernel;
  std::string cpu;
  unsigned cpus = 0; // that this process may use
  uint64_t memory_bytes = 0;
  std::map<std::string, std::string> versions;
};

machine_facts this_machine();

} // namespace troupe::cli
