// A directory that goes away with the test.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace troupe::cli {

class scratch {
public:
  scratch() {
    auto pattern = (std::filesystem::temp_directory_path() / "troupe-cli-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~scratch() { std::filesystem::remove_all(directory_); }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }

private:
  std::filesystem::path directory_;
};

} // namespace troupe::cli
