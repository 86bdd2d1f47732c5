// Small files, read and written as a whole: a file is there complete or not at all, and every
// failure names the path.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace troupe {

/// The whole content. A FIFO at this path is read as empty: nobody waits for a writer.
/// Errors: not_found if there is no such file, permission_denied, otherwise unavailable.
result<std::string> read_file(const std::filesystem::path&);

/// The first line, without its line break; empty if the file is empty. Errors as above.
result<std::string> first_line(const std::filesystem::path&);

/// What a replaced file survives.
enum class durability {
  process, // the death of this process: nothing is synced
  power,   // a power loss: the file and its directory are synced
};

/// Readers see the old content or the new one, never a part. Errors: unavailable.
result<> replace_file(const std::filesystem::path&, std::string_view bytes, mode_t mode,
                      durability);

/// Makes a file that must not exist yet, synced. Errors: already_exists, or failed_precondition.
result<> create_file(const std::filesystem::path&, std::string_view bytes, mode_t mode);

/// Makes what was created, renamed or removed in the directory survive a power loss.
result<> sync_directory(const std::filesystem::path&);

/// Adds `bytes` to the end of the file, which is made with mode 0600 where it does not exist.
result<> append_file(const std::filesystem::path&, std::string_view bytes);

/// With all parents; only the owner may enter those that are made.
result<> make_directories(const std::filesystem::path&);

} // namespace troupe
