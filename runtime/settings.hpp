// The part of an agent's configuration about running replicas on its node.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace troupe::runtime {

struct node_settings {
  std::filesystem::path directory; // this agent's state; see layout.hpp
  std::string node_name;
  std::filesystem::path shim;                // the program troupe-shim
  std::filesystem::path troupe;              // the program troupe; reducers are `troupe reducer`
  std::map<std::string, std::string> images; // an imageUri, or the start of some and '*', -> "host"
  std::map<std::string, std::filesystem::path> buckets; // gs://<name> is this directory
  uint64_t log_bytes_max = 256 << 20;                   // of one replica
  std::filesystem::path python = "/usr/bin/python3";
  std::filesystem::path python_path; // the directory of the Python package `troupe`; empty: none
  std::filesystem::path library;     // libtroupe.so; empty: none
  std::string api_uri;               // of the TensorBoard service, for replicas; empty: none
  // Variables of the agent that replicas inherit; they inherit no others.
  std::vector<std::string> pass_environment = {
      "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "CUDA_HOME"};
};

} // namespace troupe::runtime
