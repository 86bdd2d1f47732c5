// The identity of a process. A pid alone may be reused at any time; a pid with the time when it
// started, within one boot of the machine, identifies one process forever.
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
