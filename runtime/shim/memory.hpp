// Whether the kernel killed for lack of memory. The kernel reports only a SIGKILL to a parent; the
// control group counts such kills.
#pragma once

#include <cstdint>
#include <optional>

namespace troupe::runtime::shim {

/// How many processes of this process's memory control group (version 2 or 1) the kernel has killed
/// for lack of memory. Nothing if there is no such group to read.
std::optional<uint64_t> out_of_memory_kills();

} // namespace troupe::runtime::shim
