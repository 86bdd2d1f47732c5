// Files that only their owner may read: tokens and the endpoint, in a directory that only the owner
// may enter.
#pragma once

#include "base/error.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace troupe {

/// Makes the directory (and its parents) with mode 0700; an existing one stays as it is.
result<> make_private_directory(const std::filesystem::path& directory);

/// Replaces the file's content with mode 0600: whole or not at all, also after a power loss.
result<> write_private_file(const std::filesystem::path& file, std::string_view content);

/// The first line of the file; makes the file with make()'s text if there is none. A secret that
/// others may read is refused: it may have leaked already.
result<std::string> read_or_make_secret(const std::filesystem::path& file,
                                        const std::function<std::string()>& make);

} // namespace troupe
