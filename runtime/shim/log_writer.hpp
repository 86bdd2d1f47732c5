// The log of one replica on disk: whole lines, each behind the time it came at and the stream it
// came on, in segments named by their offset in the whole stream. The first quarter of the limit
// and the newest rest are kept and the middle is deleted, so a replica that never stops writing
// uses bounded disk space and never waits; a reader sees the gap in the offsets. Output that could
// not be written to a full disk leaves the same gap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace troupe::runtime::shim {

/// A longer line is split in pieces of this many bytes.
inline constexpr size_t line_bytes_max = 64 << 10;

/// "1700000000000000000 o " before each line: nanoseconds since the epoch, then o for stdout or e
/// for stderr; capital if the line was cut and goes on in the stream's next one.
inline constexpr size_t line_prefix_bytes = 22;

/// Segments are named by this many decimal digits and ".log".
inline constexpr int segment_digits = 20;

class log_writer {
public:
  log_writer(std::string directory, uint64_t bytes_max);
  ~log_writer();
  log_writer(const log_writer&) = delete;

  /// Takes raw output; whole lines reach the file before this returns.
  void append(bool is_stderr, const char* data, size_t size, int64_t now_nanos);
  /// Writes out lines that never got their newline.
  void finish(int64_t now_nanos);

private:
  struct segment {
    uint64_t start;
    uint64_t bytes;
  };

  void put_line(bool is_stderr, bool goes_on, const char* data, size_t size);
  void put_stamp();
  void flush();
  bool open_segment();
  void abandon_segment();
  void drop_middle();
  std::string path_of(uint64_t start) const;

  std::string directory_;
  uint64_t bytes_max_;
  uint64_t segment_bytes_;
  std::string partial_[2];
  std::string out_;
  uint64_t offset_ = 0; // in the whole stream, dropped parts included
  uint64_t kept_bytes_ = 0;
  std::deque<segment> segments_;
  bool lost_ = false;
  int fd_ = -1;
  int64_t now_nanos_ = 0;
  char digits_[19] = {}; // of stamp_
  int64_t stamp_ = 0;    // of the last line; strictly growing, so that a log has one order
};

} // namespace troupe::runtime::shim
