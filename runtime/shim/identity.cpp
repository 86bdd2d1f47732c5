#include "runtime/shim/identity.hpp"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace troupe::runtime::shim {

namespace {

std::string slurp(const char* path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char buffer[4096];
  auto size = read(fd, buffer, sizeof buffer);
  close(fd);
  return size > 0 ? std::string(buffer, size_t(size)) : std::string();
}

} // namespace

std::string boot_id() {
  auto id = slurp("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n')
    id.pop_back();
  return id;
}

std::optional<identity> identity_of(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", int(pid));
  auto stat = slurp(path);
  // The command's name is in parentheses and may itself contain some.
  auto name_end = stat.rfind(')');
  if (name_end == stat.npos) return std::nullopt;
  char state = 0;
  unsigned long long start = 0;
  if (std::sscanf(
          stat.c_str() + name_end + 1,
          " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
          &state, &start)
          != 2
      || state == 'Z' || state == 'X')
    return std::nullopt;
  return identity{pid, start, boot_id()};
}

std::string encode(const identity& from) {
  return std::to_string(from.pid) + ' ' + std::to_string(from.start_ticks) + ' ' + from.boot_id
         + '\n';
}

std::optional<identity> decode_identity(std::string_view bytes) {
  std::string text(bytes);
  int pid = 0;
  unsigned long long start = 0;
  char boot[64] = {};
  if (std::sscanf(text.c_str(), "%d %llu %63s", &pid, &start, boot) != 3 || pid <= 0)
    return std::nullopt;
  return identity{pid, start, boot};
}

} // namespace troupe::runtime::shim
