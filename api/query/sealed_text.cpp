#include "api/query/sealed_text.hpp"

namespace troupe::api {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string base64url(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  for (unsigned char byte : bytes) {
    bits = (bits << 8 | byte) & 0xffffff;
    for (held += 8; held >= 6; held -= 6)
      out += alphabet[bits >> (held - 6) & 63];
  }
  if (held > 0) out += alphabet[bits << (6 - held) & 63];
  return out;
}

bool decode(std::string_view text, std::string& out) {
  uint32_t bits = 0;
  int held = 0;
  for (char c : text) {
    size_t value = alphabet.find(c);
    if (value == alphabet.npos) return false;
    bits = (bits << 6 | uint32_t(value)) & 0xffffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += char(bits >> held & 255);
  }
  return true;
}

std::string checksum(std::string_view text) { return fmt::format("{:016x}", fingerprint(text)); }

} // namespace

uint64_t fingerprint(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : text)
    hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

std::string seal(std::string_view text) { return base64url(checksum(text).append(text)); }

result<std::string> unseal(std::string_view token) {
  std::string whole;
  if (decode(token, whole) && whole.size() >= 16) {
    auto text = whole.substr(16);
    // Encoded again and compared, so that each token has exactly one spelling.
    if (whole.starts_with(checksum(text)) && base64url(whole) == token) return text;
  }
  return fail(
      errc::invalid_argument,
      "pageToken: '{}' is not a token of this API; expected the nextPageToken of an earlier "
      "page, unchanged, or none",
      token.substr(0, 40));
}

} // namespace troupe::api
