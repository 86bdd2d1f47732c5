#include "reduction/protocol.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>
#include <sys/random.h>

namespace troupe::reduction {
namespace {

using digest = std::array<std::byte, 32>;
// A worker has a handful of threads, and a UCX address takes some hundred bytes.
constexpr uint32_t max_lanes = 256;

void fill_random(void* out, size_t length) {
  // Up to 256 bytes come whole once the kernel's pool is ready, or the machine has no randomness to
  // give.
  if (getrandom(out, length, 0) != static_cast<ssize_t>(length)) std::abort();
}

// The label keeps a hello's proof from being played back as a welcome's.
digest proof(std::string_view token, std::string_view label, const nonce& challenge,
             byte_span body) {
  const auto message = byte_writer().text(label).raw(challenge).raw(body).take();
  digest out{};
  unsigned length = 0;
  // An empty token has no bytes to point at, and OpenSSL wants a pointer.
  HMAC(EVP_sha256(), token.empty() ? "" : token.data(), static_cast<int>(token.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(out.data()), &length);
  return out;
}

byte_vector sealed(byte_vector body, const digest& seal) {
  body.insert(body.end(), seal.begin(), seal.end());
  return body;
}

result<byte_span> unsealed(byte_span bytes, std::string_view token, std::string_view label,
                           const nonce& challenge) {
  if (bytes.size() < sizeof(digest))
    return fail(errc::invalid_argument, "a {} of {} bytes is too short", label, bytes.size());
  const auto body = bytes.first(bytes.size() - sizeof(digest));
  const auto expected = proof(token, label, challenge, body);
  if (CRYPTO_memcmp(expected.data(), bytes.data() + body.size(), expected.size()) != 0)
    return fail(errc::unauthenticated, "the token does not fit");
  return body;
}

void put_lanes(byte_writer& out, const std::vector<byte_vector>& lanes) {
  out.number(static_cast<uint32_t>(lanes.size()));
  for (const auto& lane : lanes)
    out.sized(lane);
}

std::vector<byte_vector> take_lanes(byte_reader& in) {
  std::vector<byte_vector> lanes;
  const auto count = in.number<uint32_t>();
  for (uint32_t i = 0; i < count && i < max_lanes && in.good(); ++i) {
    const auto bytes = in.sized();
    lanes.emplace_back(bytes.begin(), bytes.end());
  }
  return lanes;
}

nonce take_nonce(byte_reader& in) {
  nonce out{};
  const auto bytes = in.raw(out.size());
  if (in.good()) std::memcpy(out.data(), bytes.data(), out.size());
  return out;
}

std::unexpected<error> malformed(std::string_view what) {
  return fail(errc::invalid_argument, "a malformed {}", what);
}

} // namespace

nonce fresh_nonce() {
  nonce out{};
  fill_random(out.data(), out.size());
  return out;
}

uint64_t fresh_secret() {
  uint64_t out = 0;
  fill_random(&out, sizeof out);
  return out;
}

byte_vector encode(const challenge& message) {
  return byte_writer()
      .number(protocol_magic)
      .number(message.version)
      .raw(message.server_nonce)
      .take();
}

result<challenge> decode_challenge(byte_span bytes) {
  byte_reader in(bytes);
  if (in.number<uint64_t>() != protocol_magic) return malformed("challenge");
  challenge out;
  out.version = in.number<uint16_t>();
  if (in.good() && out.version != protocol_version)
    return fail(errc::out_of_range, "it speaks version {} of the protocol, this is version {}",
                out.version, protocol_version);
  out.server_nonce = take_nonce(in);
  if (!in.complete()) return malformed("challenge");
  return out;
}

byte_vector encode(const hello& message, const nonce& server_nonce, std::string_view token) {
  byte_writer out;
  out.number(protocol_magic).number(protocol_version);
  out.number(message.rank).number(message.world_size).number(message.attempt);
  out.text(message.job).text(message.place).raw(message.worker_nonce);
  put_lanes(out, message.lanes);
  auto body = out.take();
  const auto seal = proof(token, "hello", server_nonce, body);
  return sealed(std::move(body), seal);
}

result<hello> decode_hello(byte_span bytes, const nonce& server_nonce, std::string_view token) {
  byte_reader in(bytes);
  if (in.number<uint64_t>() != protocol_magic) return malformed("hello");
  const auto version = in.number<uint16_t>();
  if (version != protocol_version)
    return fail(errc::out_of_range, "it speaks version {} of the protocol, this is version {}",
                version, protocol_version);
  const auto body = unsealed(bytes, token, "hello", server_nonce);
  if (!body) return std::unexpected(body.error());
  in = byte_reader(body->subspan(sizeof protocol_magic + sizeof protocol_version));
  hello out;
  out.rank = in.number<uint32_t>();
  out.world_size = in.number<uint32_t>();
  out.attempt = in.number<uint32_t>();
  out.job = in.text();
  out.place = in.text();
  out.worker_nonce = take_nonce(in);
  out.lanes = take_lanes(in);
  if (!in.complete() || out.lanes.empty()) return malformed("hello");
  return out;
}

byte_vector encode(const rejection& message) {
  return byte_writer()
      .number(static_cast<uint8_t>(message.retry))
      .number(static_cast<uint8_t>(message.code))
      .text(message.reason)
      .take();
}

result<rejection> decode_rejection(byte_span bytes) {
  byte_reader in(bytes);
  rejection out;
  out.retry = in.number<uint8_t>() != 0;
  out.code = static_cast<errc>(in.number<uint8_t>());
  out.reason = in.text();
  if (!in.complete()) return malformed("rejection");
  return out;
}

byte_vector encode(const welcome& message, const nonce& worker_nonce, std::string_view token) {
  byte_writer out;
  out.number(message.chunk_bytes).number(message.slots).number(message.secret);
  put_lanes(out, message.lanes);
  auto body = out.take();
  const auto seal = proof(token, "welcome", worker_nonce, body);
  return sealed(std::move(body), seal);
}

result<welcome> decode_welcome(byte_span bytes, const nonce& worker_nonce, std::string_view token) {
  const auto body = unsealed(bytes, token, "welcome", worker_nonce);
  if (!body) return std::unexpected(body.error());
  byte_reader in(*body);
  welcome out;
  out.chunk_bytes = in.number<uint32_t>();
  out.slots = in.number<uint32_t>();
  out.secret = in.number<uint64_t>();
  out.lanes = take_lanes(in);
  if (!in.complete() || out.lanes.empty() || out.slots == 0 || out.chunk_bytes < 8)
    return malformed("welcome");
  return out;
}

byte_vector encode(const verdict& message) {
  return byte_writer().number(static_cast<uint8_t>(message.code)).text(message.text).take();
}

result<verdict> decode_verdict(byte_span bytes) {
  byte_reader in(bytes);
  verdict out;
  out.code = static_cast<errc>(in.number<uint8_t>());
  out.text = in.text();
  if (!in.complete()) return malformed("verdict");
  return out;
}

} // namespace troupe::reduction
