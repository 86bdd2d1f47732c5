// Page tokens: a text that goes out, comes back unchanged, and says nothing to the client. Sealed
// means base64url with a checksum, so that a token which was cut or made up is refused instead of
// guessed at. No secret is in it: whoever forges one gets another page of what he may read anyway.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::api {

std::string seal(std::string_view text);

/// invalid_argument: it is not a text that seal() made.
result<std::string> unseal(std::string_view token);

/// FNV-1a: to notice that a token is used with another request than it came from.
uint64_t fingerprint(std::string_view text);

} // namespace troupe::api
