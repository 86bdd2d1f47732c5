// The state of one replica, as its shim reports it: in the file `status` for its end, so that it
// survives agents, and in packets on the shim's socket. One encoding serves both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::runtime::shim {

enum class phase : int { running = 1, exited = 2, failed = 3 };

struct status {
  shim::phase phase = phase::running;
  int exit_code = 0;
  int signal = 0;
  bool permanent = false;
  bool out_of_memory = false;
  int64_t started_micros = 0;
  int64_t ended_micros = 0;
  std::string message;

  bool operator==(const status&) const = default;
};

/// The longest message that encode() keeps, in bytes.
inline constexpr size_t message_bytes_max = 6000;

std::string encode(const status&);
std::optional<status> decode_status(std::string_view bytes);

} // namespace troupe::runtime::shim
