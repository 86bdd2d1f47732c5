// One process at a time may work in a directory. The lock is a flock on a file there, which holds
// the owner's process id; it goes with the process, however that ends. A second opener in the same
// process is kept out too, which POSIX record locks would not do.
#pragma once

#include "base/descriptor.hpp"
#include "base/error.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace troupe {

class directory_lock {
public:
  /// Holds nothing.
  directory_lock() = default;

  /// Locks `directory` by its file `name`, which is made if it does not exist. Where another has it,
  /// the error is failed_precondition with the text that `in_use` makes of the owner's process id
  /// ("unknown" if it cannot be read).
  static result<directory_lock> take(const std::filesystem::path& directory,
                                     const std::string& name,
                                     const std::function<std::string(const std::string&)>& in_use);

private:
  explicit directory_lock(unique_fd fd) : fd_(std::move(fd)) {}

  unique_fd fd_;
};

} // namespace troupe
