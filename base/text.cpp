#include "base/text.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace troupe {

namespace {

constexpr size_t name_bytes_max = 64;

std::string folded(std::string_view name) {
  std::string result;
  for (char c : name)
    if (c != '_' && c != '-') result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

// Optimal string alignment: insertions, deletions, substitutions, and swapped neighbours count one
// each.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

} // namespace

std::optional<std::string> closest(std::string_view name, std::span<const std::string> candidates) {
  if (name.size() > name_bytes_max) return std::nullopt;
  const auto wanted = folded(name);
  // A third of the letters may be wrong; more, and the suggestion would be noise.
  size_t best = std::max<size_t>(1, wanted.size() / 3) + 1;
  std::optional<std::string> found;
  for (const auto& candidate : candidates) {
    const auto away = distance(wanted, folded(candidate));
    if (away < best) {
      best = away;
      found = candidate;
    }
  }
  return found;
}

std::string shown(std::string_view text) {
  constexpr size_t bytes_max = 60;
  std::string result;
  for (size_t at = 0; at < text.size();) {
    if (at >= bytes_max) return result + "...";
    const auto length = utf8_length(text, at);
    const auto c = static_cast<unsigned char>(text[at]);
    if (length == 0 || c < 0x20 || c == 0x7f)
      result += fmt::format("\\x{:02x}", c);
    else
      result += text.substr(at, length);
    at += std::max<size_t>(length, 1);
  }
  return result;
}

} // namespace troupe
