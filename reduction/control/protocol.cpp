#include "reduction/control/protocol.hpp"

#include "base/files.hpp"

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
  // Once the kernel's pool is ready, up to 256 bytes are given whole. A failure means that the
  // machine has no randomness.
  if (getrandom(out, length, 0) != static_cast<ssize_t>(length)) std::abort();
}

// The label prevents that the proof of a hello is replayed as the proof of a welcome.
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

std::unexpected<error> malformed(std::string_view message) {
  return fail(errc::invalid_argument, "a malformed {}", message);
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

uint64_t this_machine() {
  // Changes with every boot, and is the same in all containers and network namespaces.
  const auto id = first_line("/proc/sys/kernel/random/boot_id").value_or("");
  uint64_t hash = 14695981039346656037U; // FNV-1a
  for (const char c : id)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

std::string job_token(std::string_view shared_key, std::string_view job) {
  const auto made = proof(shared_key, "job", {}, as_byte_span(job));
  std::string out;
  for (const auto byte : made)
    out += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return out;
}

uint64_t pair_secret(const nonce& key, uint32_t host, uint32_t rank) {
  const std::string_view text(reinterpret_cast<const char*>(key.data()), key.size());
  const auto made = proof(text, "pair", {}, byte_writer().number(host).number(rank).take());
  uint64_t out = 0;
  std::memcpy(&out, made.data(), sizeof out);
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
  out.text(message.job).text(message.place);
  out.number(message.machine).number(message.hub_port).raw(message.worker_nonce);
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
  out.machine = in.number<uint64_t>();
  out.hub_port = in.number<uint16_t>();
  out.worker_nonce = take_nonce(in);
  out.lanes = take_lanes(in);
  if (!in.complete() || out.lanes.empty()) return malformed("hello");
  return out;
}

result<std::string> job_of_hello(byte_span bytes) {
  byte_reader in(bytes);
  if (in.number<uint64_t>() != protocol_magic) return malformed("hello");
  in.raw(sizeof protocol_version + 3 * sizeof(uint32_t));
  auto job = in.text();
  if (!in.good()) return malformed("hello");
  return job;
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
  out.text(message.hub);
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
  out.hub = in.text();
  out.lanes = take_lanes(in);
  if (!in.complete() || out.lanes.empty() || out.slots == 0 || out.chunk_bytes < chunk_unit_bytes
      || out.chunk_bytes > max_chunk_bytes || out.chunk_bytes % chunk_unit_bytes != 0)
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

byte_vector encode(const roster& message, const nonce& worker_nonce, std::string_view token) {
  byte_writer out;
  out.raw(message.key).number(message.kappa);
  out.number(static_cast<uint32_t>(message.ranks.size()));
  for (const auto& each : message.ranks) {
    out.number(each.machine).number(each.ipv4).text(each.place);
    put_lanes(out, each.lanes);
  }
  auto body = out.take();
  const auto seal = proof(token, "roster", worker_nonce, body);
  return sealed(std::move(body), seal);
}

result<roster> decode_roster(byte_span bytes, const nonce& worker_nonce, std::string_view token) {
  const auto body = unsealed(bytes, token, "roster", worker_nonce);
  if (!body) return std::unexpected(body.error());
  byte_reader in(*body);
  roster out;
  out.key = take_nonce(in);
  out.kappa = in.number<double>();
  const auto count = in.number<uint32_t>();
  for (uint32_t i = 0; i < count && in.good(); ++i) {
    roster::entry each;
    each.machine = in.number<uint64_t>();
    each.ipv4 = in.number<uint32_t>();
    each.place = in.text();
    each.lanes = take_lanes(in);
    out.ranks.push_back(std::move(each));
  }
  if (!in.complete()) return malformed("roster");
  return out;
}

namespace {

void put(byte_writer& out, const missing& each) { out.number(each.reducer).text(each.reason); }

missing take_missing(byte_reader& in) {
  missing out;
  out.reducer = in.number<uint32_t>();
  out.reason = in.text();
  return out;
}

void put(byte_writer& out, const std::vector<uint32_t>& numbers) {
  out.sized(std::as_bytes(std::span(numbers)));
}

std::vector<uint32_t> take_numbers(byte_reader& in) {
  const auto bytes = in.sized();
  std::vector<uint32_t> out(bytes.size() / sizeof(uint32_t));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size() * sizeof(uint32_t));
  return out;
}

} // namespace

byte_vector encode(const missing& message) {
  byte_writer out;
  put(out, message);
  return out.take();
}

result<missing> decode_missing(byte_span bytes) {
  byte_reader in(bytes);
  auto out = take_missing(in);
  if (!in.complete()) return malformed("report of a missing reducer");
  return out;
}

byte_vector encode(const pause_order& message) {
  byte_writer out;
  out.number(message.round).number(static_cast<uint32_t>(message.lost.size()));
  for (const auto& each : message.lost)
    put(out, each);
  return out.take();
}

result<pause_order> decode_pause(byte_span bytes) {
  byte_reader in(bytes);
  pause_order out;
  out.round = in.number<uint32_t>();
  const auto count = in.number<uint32_t>();
  for (uint32_t i = 0; i < count && in.good(); ++i)
    out.lost.push_back(take_missing(in));
  if (!in.complete()) return malformed("pause");
  return out;
}

byte_vector encode(const progress_report& message) {
  byte_writer out;
  out.number(message.round).number(static_cast<uint32_t>(message.streams.size()));
  for (const auto& each : message.streams)
    out.number(each.group).number(each.lane).number(each.received);
  put(out, message.ended);
  return out.take();
}

result<progress_report> decode_progress(byte_span bytes) {
  byte_reader in(bytes);
  progress_report out;
  out.round = in.number<uint32_t>();
  const auto count = in.number<uint32_t>();
  for (uint32_t i = 0; i < count && in.good(); ++i) {
    progress_report::stream each;
    each.group = in.number<uint32_t>();
    each.lane = in.number<uint32_t>();
    each.received = in.number<uint32_t>();
    out.streams.push_back(each);
  }
  out.ended = take_numbers(in);
  if (!in.complete()) return malformed("progress report");
  return out;
}

byte_vector encode(const resume_order& message) {
  byte_writer out;
  out.number(message.round).number(static_cast<uint32_t>(message.streams.size()));
  for (const auto& each : message.streams) {
    out.number(each.group).number(each.lane).number(static_cast<uint32_t>(each.received.size()));
    for (const auto& [rank, received] : each.received)
      out.number(rank).number(received);
  }
  put(out, message.ended);
  return out.take();
}

result<resume_order> decode_resume(byte_span bytes) {
  byte_reader in(bytes);
  resume_order out;
  out.round = in.number<uint32_t>();
  const auto count = in.number<uint32_t>();
  for (uint32_t i = 0; i < count && in.good(); ++i) {
    resume_order::stream each;
    each.group = in.number<uint32_t>();
    each.lane = in.number<uint32_t>();
    const auto ranks = in.number<uint32_t>();
    for (uint32_t r = 0; r < ranks && in.good(); ++r) {
      const auto rank = in.number<uint32_t>();
      each.received.emplace_back(rank, in.number<uint32_t>());
    }
    out.streams.push_back(std::move(each));
  }
  out.ended = take_numbers(in);
  if (!in.complete()) return malformed("resume");
  return out;
}

void chunk_header::describe(const shape& form) {
  count = form.count;
  chunk_units = static_cast<uint16_t>(form.chunk_bytes / chunk_unit_bytes);
  root = static_cast<uint16_t>(form.root);
  type_and_op =
      static_cast<uint8_t>(static_cast<unsigned>(form.type) | static_cast<unsigned>(form.op) << 4);
  kind_and_mode = static_cast<uint8_t>(static_cast<unsigned>(form.kind)
                                       | static_cast<unsigned>(form.mode) << 4);
}

result<shape> chunk_header::form() const {
  // No array has more elements than this, and its size in bytes would not fit 64 bits.
  constexpr uint64_t max_count = uint64_t{1} << 40;
  const unsigned type = type_and_op & 15U, op = type_and_op >> 4, kind = kind_and_mode & 15U,
                 mode = kind_and_mode >> 4;
  if (type >= dtype_count || op >= reduce_op_count || kind >= collective_count
      || mode >= passing_count || count > max_count || chunk_units == 0)
    return fail(errc::invalid_argument, "an unknown type, operator, collective, mode or count");
  return shape{static_cast<collective>(kind),
               static_cast<passing>(mode),
               static_cast<dtype>(type),
               static_cast<reduce_op>(op),
               root,
               count,
               chunk_units * chunk_unit_bytes};
}

} // namespace troupe::reduction
