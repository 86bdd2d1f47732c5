// The messages between ranks, reducers and the hub. The hub is a thread of rank 0: it knows which
// ranks are alive, sends every rank the list of all, and leads them when a reducer is lost. There
// are two channels: TCP control connections, from every rank to every reducer and to the hub, carry
// the handshake, heartbeats and verdicts in small frames; UCX active messages carry chunks of
// arrays.
//
// The handshake, after the rank has connected:
//   host -> rank  challenge: magic, version, a nonce
//   rank -> host  hello: its number, its nonce, its UCX addresses, and an HMAC over all that and
//                 the host's nonce
//   host -> rank  welcome (from a reducer) or roster (from the hub), when *all* ranks have come,
//                 with an HMAC over the rank's nonce; or reject at once; or failed at the deadline
// So both sides prove that they know the job's token, and the token itself never travels.
#pragma once

#include "base/error.hpp"
#include "reduction/control/bytes.hpp"
#include "reduction/control/collective.hpp"

#include <array>
#include <string>
#include <vector>

namespace troupe::reduction {

inline constexpr uint64_t protocol_magic = 0x0045'5055'4f52'54f5; // "\xf5TROUPE\0"
inline constexpr uint16_t protocol_version = 2;
inline constexpr uint32_t max_world_size = 65536;
/// Longest frame either side accepts; a hello with a few UCX addresses takes under 2 KiB.
inline constexpr uint32_t max_frame_bytes = 64 * 1024;
/// From a peer that has proven itself: a roster has an entry for every rank.
inline constexpr uint32_t max_trusted_frame_bytes = 64 * 1024 * 1024;

enum class frame_type : uint8_t {
  challenge = 1,
  hello = 2,
  reject = 3,    // host: the hello is refused; the reason, and whether trying again may help
  welcome = 4,   // reducer: all ranks have come
  heartbeat = 5, // both
  failed = 6,    // host: the job is over, and the reason
  aborted = 7,   // rank: it gives up, and the reason
  goodbye = 8,   // rank: it leaves in good order
  roster = 9,    // hub: all ranks have come
  missing = 10,  // rank to hub: it has lost a reducer
  pause = 11,    // hub: these reducers are lost; drop them and report your progress
  progress = 12, // rank to hub: the results that it has
  resume = 13,   // hub: every rank's progress; go on with the other reducers
  waiting = 14,  // reducer: the ranks that a chunk waits for, as text
};

using nonce = std::array<std::byte, 32>;
nonce fresh_nonce();
uint64_t fresh_secret();

struct challenge {
  uint16_t version = protocol_version;
  nonce server_nonce{};
};

/// Identifies this machine, to see which ranks share one.
uint64_t this_machine();

struct hello {
  uint32_t rank = 0;
  uint32_t world_size = 0;
  uint32_t attempt = 0;
  std::string job;
  std::string place; // "host pid 123", for people
  uint64_t machine = 0;
  uint16_t hub_port = 0; // rank 0's: where the hub listens
  nonce worker_nonce{};
  std::vector<byte_vector> lanes; // UCX worker addresses, one per thread of the rank
};

struct rejection {
  bool retry = false;
  errc code = errc::unknown;
  std::string reason;
};

struct welcome {
  uint32_t chunk_bytes = 0;
  uint32_t slots = 0;  // chunks that a worker may have under way at this reducer
  uint64_t secret = 0; // carried by every chunk header between this pair
  std::string hub;     // host:port; empty where rank 0 has none
  std::vector<byte_vector> lanes;
};

/// The list of all ranks, which the hub sends to each. Secrets between ranks are derived from the
/// key, see pair_secret.
struct roster {
  struct entry {
    uint64_t machine = 0;
    uint32_t ipv4 = 0; // in network order; 0: unknown
    std::string place;
    std::vector<byte_vector> lanes;
  };
  nonce key{};
  double kappa = 0; // rank 0's setting; negative: to be measured
  std::vector<entry> ranks;
};
/// The secret of the messages between `rank` and the place on rank `host`.
uint64_t pair_secret(const nonce& key, uint32_t host, uint32_t rank);

/// A reducer that is lost, and why.
struct missing {
  uint32_t reducer = 0;
  std::string reason;
};
struct pause_order {
  uint32_t round = 0;        // counts these orders
  std::vector<missing> lost; // all that were ever lost
};
struct progress_report {
  struct stream {
    uint32_t group = 0;
    uint32_t lane = 0;
    uint32_t received = 0;
  };
  uint32_t round = 0;
  std::vector<stream> streams;
  std::vector<uint32_t> ended; // groups that are over at this rank
};
inline constexpr uint32_t every_group = UINT32_MAX;
struct resume_order {
  struct stream {
    uint32_t group = 0;
    uint32_t lane = 0;
    std::vector<std::pair<uint32_t, uint32_t>> received; // by the job's rank; others have nothing
  };
  uint32_t round = 0;
  std::vector<stream> streams;
  std::vector<uint32_t> ended;
};

struct verdict {
  errc code = errc::unknown;
  std::string text;
};

/// The token of a job at shared reducers with this key: an HMAC, so a job's token gives away
/// neither the key nor another job's token.
std::string job_token(std::string_view shared_key, std::string_view job);

byte_vector encode(const challenge& message);
byte_vector encode(const hello& message, const nonce& server_nonce, std::string_view token);
byte_vector encode(const rejection& message);
byte_vector encode(const welcome& message, const nonce& worker_nonce, std::string_view token);
byte_vector encode(const verdict& message);
byte_vector encode(const roster& message, const nonce& worker_nonce, std::string_view token);
byte_vector encode(const missing& message);
byte_vector encode(const pause_order& message);
byte_vector encode(const progress_report& message);
byte_vector encode(const resume_order& message);

// Decoding checks every length. Errors: invalid_argument for bytes that are not the protocol at
// all, unauthenticated where the HMAC does not fit the token, out_of_range for another version.
result<challenge> decode_challenge(byte_span bytes);
result<hello> decode_hello(byte_span bytes, const nonce& server_nonce, std::string_view token);
result<rejection> decode_rejection(byte_span bytes);
result<welcome> decode_welcome(byte_span bytes, const nonce& worker_nonce, std::string_view token);
result<verdict> decode_verdict(byte_span bytes);
result<roster> decode_roster(byte_span bytes, const nonce& worker_nonce, std::string_view token);
result<missing> decode_missing(byte_span bytes);
result<pause_order> decode_pause(byte_span bytes);
result<progress_report> decode_progress(byte_span bytes);
result<resume_order> decode_resume(byte_span bytes);
/// The job that a hello names, before anything is proven.
result<std::string> job_of_hello(byte_span bytes);

/// Travels as the header of every active message, in both directions. A contribution describes its
/// whole operation, so that a reducer can detect ranks that disagree. The secret identifies the
/// sender. 40 bytes: short headers let chunks be small, and small chunks keep the pipeline short.
struct chunk_header {
  uint64_t secret = 0;
  uint64_t count = 0;       // elements, as shape::count
  uint32_t sequence = 0;    // counts the chunks of this stream, in the order all ranks agree on
  uint32_t operation = 0;   // counts the operations of the group
  uint32_t chunk = 0;       // which chunk of the operation
  uint32_t group = 0;       // 0: all ranks of the job
  uint16_t lane = 0;        // which stream of the group
  uint16_t chunk_units = 0; // shape::chunk_bytes in units of chunk_unit_bytes
  uint16_t root = 0;
  uint8_t type_and_op = 0;   // dtype in the lower half
  uint8_t kind_and_mode = 0; // collective in the lower half

  /// Fills in the fields that describe the operation. The shape's chunk_bytes is a multiple of the
  /// unit.
  void describe(const shape& form);
  /// Errors: invalid_argument for numbers that name nothing.
  result<shape> form() const;
};
static_assert(sizeof(chunk_header) == 40);
inline constexpr uint32_t chunk_unit_bytes = 64;
inline constexpr uint32_t max_chunk_bytes = 65535 * chunk_unit_bytes;

} // namespace troupe::reduction
