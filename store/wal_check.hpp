// Looks for damage in RocksDB's write-ahead log before RocksDB opens it. RocksDB's own check takes
// some kinds of damage (a flipped bit in the length or the kind of a record in the last 32 KiB) for
// a torn tail and silently drops every record behind it. A torn tail has no sound record behind it;
// damage in the middle has.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string_view>

namespace troupe::store {

/// data_loss, with the way out, where a log in the directory holds sound records behind a damaged
/// one.
result<> check_logs(const std::filesystem::path& directory);

/// CRC-32C (Castagnoli), as the log's records carry it before masking.
uint32_t crc32c(std::string_view data);

} // namespace troupe::store
