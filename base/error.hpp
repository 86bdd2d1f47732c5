// Errors as values. Every fallible function of ours returns result<T>; exceptions are not control
// flow. The codes are google.rpc.Code's, number for number, so an error born in core/ or runtime/
// reaches a REST client unchanged. A message names the place, the value, what was expected and what
// to do.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace troupe {

enum class errc : uint8_t {
  cancelled = 1,           // The caller, or a user, asked for it to stop.
  unknown = 2,             // Something outside our own code failed without saying how.
  invalid_argument = 3,    // The request can never succeed as it stands.
  deadline_exceeded = 4,   // It took longer than allowed.
  not_found = 5,           // The named thing does not exist.
  already_exists = 6,      // The named thing exists and may not be made twice.
  permission_denied = 7,   // The caller is known, and may not do this.
  resource_exhausted = 8,  // A quota or a limit is used up.
  failed_precondition = 9, // The state of the system forbids it now.
  aborted = 10,            // A concurrent change won.
  out_of_range = 11,       // Past the valid range.
  unimplemented = 12,      // This build or this version does not do it.
  internal = 13,           // A bug, or damage found.
  unavailable = 14,        // Not reachable now; trying again may help.
  data_loss = 15,          // Stored data is damaged beyond recovery.
  unauthenticated = 16,    // No credential, or a wrong one.
};

/// The canonical upper-case name, as google.rpc.Status carries it ("INVALID_ARGUMENT").
std::string_view name_of(errc code);

struct error {
  errc code = errc::unknown;
  std::string message;

  bool operator==(const error&) const = default;
};

template <class T = void>
using result = std::expected<T, error>;

/// `return fail(errc::not_found, "no job {}", id);`
template <class... Args>
std::unexpected<error> fail(errc code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(error{code, fmt::format(format, std::forward<Args>(args)...)});
}

} // namespace troupe
