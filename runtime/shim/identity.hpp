// Who a process is. A pid alone may name a stranger a moment later; a pid with the time it started
// at, within one boot of the machine, names one process forever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace troupe::runtime::shim {

struct identity {
  pid_t pid = 0;
  uint64_t start_ticks = 0; // since boot, as /proc/<pid>/stat has it
  std::string boot_id;

  bool operator==(const identity&) const = default;
};

/// The process that runs under `pid` now; nothing if there is none or only its zombie.
std::optional<identity> identity_of(pid_t pid);
std::string boot_id();

std::string encode(const identity&);
std::optional<identity> decode_identity(std::string_view bytes);

} // namespace troupe::runtime::shim
