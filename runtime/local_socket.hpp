// The Unix-domain socket between an agent and the shim of a replica: SOCK_SEQPACKET, so that a
// message arrives whole or not at all. Paths of any length.
#pragma once

#include "base/descriptor.hpp"
#include "base/error.hpp"

#include <filesystem>
#include <string>

namespace troupe::runtime {

/// A listening, non-blocking socket `name` in `directory`.
result<unique_fd> listen_at(const std::filesystem::path& directory, const std::string& name);

/// A non-blocking connection to one.
result<unique_fd> connect_to(const std::filesystem::path& directory, const std::string& name);

} // namespace troupe::runtime
