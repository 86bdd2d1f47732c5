#include "base/randomness.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <sys/random.h>
#include <vector>

namespace troupe {

std::string random_hex(size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  // Up to 256 bytes are never cut short by a signal; a kernel without randomness is no place for
  // secrets.
  if (bytes > 256 || ::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(bytes))
    std::abort();
  std::string text;
  for (auto byte : raw)
    text += fmt::format("{:02x}", byte);
  return text;
}

} // namespace troupe
