// The agent's order to a shim, written before its start: everything needed to run one replica,
// in a file in the replica's directory. A flat list of tagged, NUL-terminated strings, as
// neither an argument nor a variable can hold a NUL; so the shim needs almost no parser and
// starts within a millisecond.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::runtime::shim {

struct order {
  std::string working_directory;
  std::string log_directory;
  uint64_t log_bytes_max = 0;
  std::vector<std::string> environment; // NAME=value
  std::vector<std::vector<std::string>>
      steps; // run one after the other; the last is the replica's program
};

std::string encode(const order&);
/// Nothing if `bytes` is not a whole order with at least one step.
std::optional<order> decode_order(std::string_view bytes);

} // namespace troupe::runtime::shim
