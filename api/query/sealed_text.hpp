// Page tokens: texts that a client gets and sends back unchanged, and that mean nothing to it.
// Sealed means base64url with a checksum, so that a token that was cut or invented is rejected. It
// protects no secret: a forged token only gives another page of a list that the client may read
// anyway.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::api {

std::string seal(std::string_view text);

/// invalid_argument: seal() did not make this token.
result<std::string> unseal(std::string_view token);

/// FNV-1a. Detects a token that is used with another request than it was made for.
uint64_t fingerprint(std::string_view text);

} // namespace troupe::api
