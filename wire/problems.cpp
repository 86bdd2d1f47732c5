#include "wire/problems.hpp"

#include <algorithm>

namespace troupe::wire {

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

std::string problem::text() const {
  std::string result;
  for (const auto& part : {where, key})
    if (!part.empty()) result += part + ": ";
  result += what;
  if (!expected.empty()) result += "; expected " + expected;
  if (!suggestion.empty()) result += "; did you mean " + suggestion + "?";
  return result;
}

void problems::add(problem found) {
  if (!full()) shown_.push_back(std::move(found));
  ++count_;
}

error problems::joined() const {
  std::string lines;
  for (const auto& each : shown_)
    lines += (lines.empty() ? "" : "\n") + each.text();
  if (count_ > shown_.size())
    lines += fmt::format("\n... and {} more problems", count_ - shown_.size());
  return {errc::invalid_argument, lines};
}

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

size_t utf8_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const auto lead = byte(at), second = byte(at + 1);
  if (at >= text.size()) return 0;
  if (lead < 0x80) return 1;
  // The lower bounds refuse overlong forms; 0xed and 0xf4 are where surrogates and the end of
  // Unicode lie.
  if (lead >= 0xc2 && lead <= 0xdf) return continues(at + 1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool sane = (lead != 0xe0 || second >= 0xa0) && (lead != 0xed || second < 0xa0);
    return sane && continues(at + 1) && continues(at + 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool sane = (lead != 0xf0 || second >= 0x90) && (lead != 0xf4 || second < 0x90);
    return sane && continues(at + 1) && continues(at + 2) && continues(at + 3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
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

} // namespace troupe::wire
