// A directory that is gone when the test ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace troupe::store {

struct scratch {
  scratch() {
    auto pattern = (std::filesystem::temp_directory_path() / "troupe-store-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  scratch(const scratch&) = delete;
  ~scratch() { std::filesystem::remove_all(path); }

  std::filesystem::path path;
};

} // namespace troupe::store
