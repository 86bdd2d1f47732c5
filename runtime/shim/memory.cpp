#include "runtime/shim/memory.hpp"

#include <cstdio>
#include <cstring>
#include <string>

namespace troupe::runtime::shim {

namespace {

/// The number behind `key ` at the start of a line.
std::optional<uint64_t> counter_in(const std::string& path, const char* key) {
  FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return std::nullopt;
  std::optional<uint64_t> out;
  char name[64];
  unsigned long long value;
  while (!out && std::fscanf(file, "%63s %llu", name, &value) == 2)
    if (std::strcmp(name, key) == 0) out = value;
  std::fclose(file);
  return out;
}

/// `line` is "<number>:<controllers>:<path>".
std::optional<uint64_t> counter_of(std::string line) {
  while (!line.empty() && line.back() == '\n')
    line.pop_back();
  auto first = line.find(':'), second = line.find(':', first + 1);
  if (first == line.npos || second == line.npos) return std::nullopt;
  auto controllers = line.substr(first + 1, second - first - 1);
  auto path = line.substr(second + 1);
  if (controllers == "memory")
    return counter_in("/sys/fs/cgroup/memory" + path + "/memory.oom_control", "oom_kill");
  if (controllers.empty())
    return counter_in("/sys/fs/cgroup" + path + "/memory.events", "oom_kill");
  return std::nullopt;
}

} // namespace

std::optional<uint64_t> out_of_memory_kills() {
  FILE* groups = std::fopen("/proc/self/cgroup", "re");
  if (!groups) return std::nullopt;
  std::optional<uint64_t> out;
  char line[4096];
  while (!out && std::fgets(line, sizeof line, groups))
    out = counter_of(line);
  std::fclose(groups);
  return out;
}

} // namespace troupe::runtime::shim
