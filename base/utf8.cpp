#include "base/utf8.hpp"

#include <cstdint>

namespace troupe::runtime {

namespace {

/// The bytes of the valid character at the start of `text`; 0 if there is none. Unicode 15, table
/// 3-7.
size_t character_bytes(std::string_view text) {
  auto at = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : uint8_t(0); };
  auto follows = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
    return at(i) >= low && at(i) <= high;
  };
  uint8_t first = at(0);
  if (first < 0x80) return first != 0;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    uint8_t low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    uint8_t low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

} // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && uint8_t(text[plain] - 1) < 0x7f)
      ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    size_t bytes = character_bytes(text);
    out += bytes ? text.substr(0, bytes) : std::string_view("\xef\xbf\xbd");
    text.remove_prefix(bytes ? bytes : 1);
  }
  return out;
}

} // namespace troupe::runtime
