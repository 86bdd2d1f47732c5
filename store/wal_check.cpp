#include "store/wal_check.hpp"

#include "base/files.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

// The format (RocksDB's wiki, "Write Ahead Log File Format"): blocks of 32 KiB; a record is a
// masked CRC-32C of kind and payload (4 bytes), the payload's length (2), its kind (1) and the
// payload; a block's last < 7 bytes are zeros. Recycled logs have longer headers; store/ never
// recycles.

namespace troupe::store {

namespace {

namespace fs = std::filesystem;

constexpr size_t block_bytes = 32768;
constexpr size_t header_bytes = 7;

constexpr std::array<uint32_t, 256> crc_table = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}();

uint32_t little_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

uint32_t masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

/// The size of the whole record at the offset, header included; nothing if it is not sound.
std::optional<size_t> sound_record(std::string_view log, size_t at) {
  size_t room = std::min(block_bytes - at % block_bytes, log.size() - at);
  if (room < header_bytes) return std::nullopt;
  size_t length = little_endian(log.substr(at + 4, 2));
  auto kind = static_cast<uint8_t>(log[at + 6]);
  if (kind == 0 || header_bytes + length > room) return std::nullopt;
  if (masked(crc32c(log.substr(at + 6, 1 + length))) != little_endian(log.substr(at, 4)))
    return std::nullopt;
  return header_bytes + length;
}

/// Kinds 1 and 2 begin a commit. The later pieces of one long commit may reach the disk before its
/// first.
bool begins_commit(std::string_view log, size_t at) {
  return (log[at + 6] == 1 || log[at + 6] == 2) && sound_record(log, at);
}

struct damage {
  size_t at;         // the first byte that cannot be read
  size_t sound_from; // a record behind it that can
};

std::optional<damage> find_damage(std::string_view log) {
  size_t at = 0;
  while (at < log.size()) {
    if (block_bytes - at % block_bytes < header_bytes) {
      at += block_bytes - at % block_bytes;
      continue;
    }
    auto size = sound_record(log, at);
    if (!size) break;
    at += *size;
  }
  for (size_t behind = at + 1; behind + header_bytes <= log.size(); ++behind)
    if (begins_commit(log, behind)) return damage{at, behind};
  return std::nullopt;
}

result<> check_log(const fs::path& file) {
  auto log = read_file(file);
  if (!log) return fail(errc::unavailable, "cannot read {}: check its permissions", file.string());
  auto found = find_damage(*log);
  if (!found) return {};
  return fail(errc::data_loss,
              "{0}: damaged at byte {1} with sound records from byte {2} on: this is no torn tail, "
              "and acknowledged "
              "changes would be lost without a word. Restore the directory from a backup; or, to "
              "give up every change "
              "from byte {1} on, run: cp '{0}' '{0}.damaged' && truncate -s {1} '{0}'",
              file.string(), found->at, found->sound_from);
}

} // namespace

uint32_t crc32c(std::string_view data) {
  uint32_t crc = ~0u;
  for (char byte : data)
    crc = (crc >> 8) ^ crc_table[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

result<> check_logs(const fs::path& directory) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(directory, ec)) {
    if (entry.path().extension() != ".log") continue;
    if (auto sound = check_log(entry.path()); !sound) return sound;
  }
  if (ec) return fail(errc::unavailable, "cannot list {}: {}", directory.string(), ec.message());
  return {};
}

} // namespace troupe::store
