// What workers and reducers say to each other. Two channels: a TCP control connection per (worker,
// reducer) that carries the handshake, heartbeats and verdicts in small frames; and UCX active
// messages that carry chunks of arrays.
//
// The handshake, after the worker has connected:
//   reducer -> worker  challenge: magic, version, a nonce
//   worker -> reducer  hello: who it is, its nonce, its UCX addresses, and an HMAC over all that
//   and the nonce reducer -> worker  welcome, once *all* ranks are there (or reject at once, or
//   fail at the deadline):
//                      sizes, a secret for chunk headers, its UCX addresses, and an HMAC over the
//                      worker's nonce
// So both sides prove that they know the job's token, and the token itself never travels.
#pragma once

#include "reduction/bytes.hpp"
#include "wire/error.hpp"

#include <array>
#include <string>
#include <vector>

namespace troupe::reduction {

inline constexpr uint64_t protocol_magic = 0x0045'5055'4f52'54f5; // "\xf5TROUPE\0"
inline constexpr uint16_t protocol_version = 1;
inline constexpr uint32_t max_world_size = 65536;
/// Longest frame either side accepts; a hello with a few UCX addresses takes under 2 KiB.
inline constexpr uint32_t max_frame_bytes = 64 * 1024;

enum class frame_type : uint8_t {
  challenge = 1,
  hello = 2,
  reject = 3,    // reducer: not you; the reason, and whether trying again may help
  welcome = 4,   // reducer: everyone is here
  heartbeat = 5, // both
  failed = 6,    // reducer: the job is over, because...
  aborted = 7,   // worker: I give up, because...
  goodbye = 8,   // worker: I leave in good order
};

using nonce = std::array<std::byte, 32>;
nonce fresh_nonce();
uint64_t fresh_secret();

struct challenge {
  uint16_t version = protocol_version;
  nonce server_nonce{};
};

struct hello {
  uint32_t rank = 0;
  uint32_t world_size = 0;
  uint32_t attempt = 0;
  std::string job;
  std::string place; // "host pid 123", for people
  nonce worker_nonce{};
  std::vector<byte_vector> lanes; // UCX worker addresses, one per thread of the worker
};

struct rejection {
  bool retry = false;
  errc code = errc::unknown;
  std::string reason;
};

struct welcome {
  uint32_t chunk_bytes = 0;
  uint32_t slots = 0;  // chunks that a worker may have under way at this reducer
  uint64_t secret = 0; // what every chunk header between this pair carries
  std::vector<byte_vector> lanes;
};

struct verdict {
  errc code = errc::unknown;
  std::string text;
};

byte_vector encode(const challenge& message);
byte_vector encode(const hello& message, const nonce& server_nonce, std::string_view token);
byte_vector encode(const rejection& message);
byte_vector encode(const welcome& message, const nonce& worker_nonce, std::string_view token);
byte_vector encode(const verdict& message);

// Decoding checks every length. Errors: invalid_argument for what is not the protocol at all,
// unauthenticated where the HMAC does not fit the token, out_of_range for another version.
result<challenge> decode_challenge(byte_span bytes);
result<hello> decode_hello(byte_span bytes, const nonce& server_nonce, std::string_view token);
result<rejection> decode_rejection(byte_span bytes);
result<welcome> decode_welcome(byte_span bytes, const nonce& worker_nonce, std::string_view token);
result<verdict> decode_verdict(byte_span bytes);

/// Travels as the header of every active message, in both directions. The worker's contribution
/// describes its whole operation, so that a reducer can tell ranks that disagree.
struct chunk_header {
  uint64_t secret = 0;
  uint64_t sequence = 0;  // counts the chunks between this pair, in the order all ranks agree on
  uint64_t operation = 0; // counts the operations of the communicator
  uint64_t count = 0;     // elements of the whole operation
  uint64_t chunk = 0;     // which chunk of the operation
  uint32_t rank = 0;      // the worker's
  uint8_t type = 0;       // dtype
  uint8_t op = 0;         // reduce_op
  uint16_t reserved = 0;
};
static_assert(sizeof(chunk_header) == 48);

} // namespace troupe::reduction
