#include "runtime/log_reader.hpp"

#include "base/descriptor.hpp"
#include "base/utf8.hpp"
#include "runtime/layout.hpp"
#include "runtime/shim/log_writer.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <limits>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::runtime {

namespace {

struct entry {
  const std::string* replica;
  const std::string* task;
  int64_t timestamp_nanos;
  bool is_stderr;
  std::string line;
  uint64_t next_offset;
};

struct segment {
  uint64_t start;
  std::filesystem::path path;
};

/// The log of one replica, read from a position on.
struct stream {
  std::string name; // "1/workerpool0-0/0"
  std::string task;
  std::filesystem::path directory;
  uint64_t position = 0;
  uint32_t entries_left = 0;
  uint64_t bytes_left = 0;
  bool at_end = false; // false: there may be more than was read
  std::vector<entry> entries;
};

std::vector<segment> segments_of(const std::filesystem::path& directory) {
  std::vector<segment> out;
  std::error_code code;
  for (std::filesystem::directory_iterator it(directory, code), end; it != end && !code;
       it.increment(code)) {
    auto name = it->path().stem().string();
    uint64_t start = 0;
    if (name.size() == size_t(shim::segment_digits)
        && std::from_chars(name.data(), name.data() + name.size(), start).ec == std::errc())
      out.push_back({start, it->path()});
  }
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.start < b.start; });
  return out;
}

void put(stream& to, int64_t timestamp_nanos, bool is_stderr, std::string line) {
  to.entries.push_back(
      {&to.name, &to.task, timestamp_nanos, is_stderr, std::move(line), to.position});
  --to.entries_left;
  to.bytes_left -= std::min<uint64_t>(to.bytes_left, to.entries.back().line.size() + 64);
}

bool is_full(const stream& of) { return of.entries_left == 0 || of.bytes_left == 0; }

/// Takes the whole lines of `text`, which starts at the stream's position; returns the number of
/// bytes taken.
size_t take_lines(stream& to, std::string_view text) {
  size_t taken = 0;
  while (!is_full(to)) {
    auto rest = text.substr(taken);
    auto newline = rest.find('\n');
    if (newline == rest.npos) break;
    taken += newline + 1;
    to.position += newline + 1;
    int64_t stamp = 0;
    auto line = rest.substr(0, newline);
    // For a position inside a line, the next line comes first.
    if (line.size() < shim::line_prefix_bytes
        || std::from_chars(line.data(), line.data() + 19, stamp).ptr != line.data() + 19)
      continue;
    bool is_stderr = line[20] == 'e' || line[20] == 'E';
    put(to, stamp, is_stderr, valid_utf8(line.substr(shim::line_prefix_bytes)));
  }
  return taken;
}

/// The time at the start of a segment, for the entry that reports the gap before it.
int64_t first_stamp(const std::filesystem::path& path) {
  char digits[19];
  unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return 0;
  int64_t out = 0;
  if (pread(fd.value(), digits, sizeof digits, 0) == ssize_t(sizeof digits)
      && std::from_chars(digits, digits + sizeof digits, out).ec == std::errc())
    return out;
  // Empty: it stands for the end of a log that could not be written, as the disk was full.
  struct stat info {};
  fstat(fd.value(), &info);
  return int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

void put_gap(stream& to, const segment& next) {
  auto missing = next.start - to.position;
  to.position = next.start;
  put(to, first_stamp(next.path), /* is_stderr= */ false,
      fmt::format("[troupe] {} bytes of the log are missing here: it grew over its limit, or the "
                  "disk of the "
                  "node was full",
                  missing));
}

enum class outcome { done, vanished };

/// Reads the part of the stream in `from`, up to `end` where the next segment starts.
outcome read_segment(stream& to, const segment& from, uint64_t end) {
  unique_fd fd(open(from.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return outcome::vanished;
  std::string text;
  constexpr size_t step = 256 << 10;
  while (!is_full(to) && to.position < end) {
    auto had = text.size();
    auto wanted = std::min<uint64_t>(step, end - to.position - had);
    text.resize(had + wanted);
    auto n = pread(fd.value(), text.data() + had, wanted, off_t(to.position + had - from.start));
    text.resize(had + size_t(std::max<ssize_t>(n, 0)));
    if (n <= 0) break;
    text.erase(0, take_lines(to, text));
  }
  return outcome::done;
}

/// Starts again only if a segment is deleted while it is read.
outcome read_once(stream& to) {
  auto segments = segments_of(to.directory);
  for (size_t i = 0; i < segments.size() && !is_full(to); ++i) {
    bool is_last = i + 1 == segments.size();
    uint64_t end = is_last ? std::numeric_limits<uint64_t>::max() : segments[i + 1].start;
    if (to.position >= end) continue;
    if (to.position < segments[i].start) put_gap(to, segments[i]);
    if (is_full(to)) break;
    if (read_segment(to, segments[i], end) == outcome::vanished) return outcome::vanished;
  }
  to.at_end = !is_full(to);
  return outcome::done;
}

void read(stream& to) {
  for (int tries = 0; tries < 8; ++tries)
    if (read_once(to) == outcome::done) return;
}

std::vector<stream> streams_of(const node_settings& settings, uint64_t job) {
  std::vector<stream> out;
  auto root = job_log_directory(settings.directory, job);
  std::error_code code;
  for (std::filesystem::recursive_directory_iterator it(root, code), end; it != end && !code;
       it.increment(code)) {
    if (it.depth() != 2) continue;
    it.disable_recursion_pending();
    stream found;
    found.name = it->path().lexically_relative(root).string();
    found.task = it->path().parent_path().filename().string();
    found.directory = it->path();
    out.push_back(std::move(found));
  }
  return out;
}

/// Everything older than this is complete: all entries still to be read are newer.
int64_t horizon_of(const std::vector<stream>& streams) {
  int64_t out = std::numeric_limits<int64_t>::max();
  for (const auto& each : streams)
    if (!each.at_end && !each.entries.empty())
      out = std::min(out, each.entries.back().timestamp_nanos);
  return out;
}

} // namespace

result<wire::frame<wire::LogChunk>> read_logs(const node_settings& settings,
                                              wire::LogQuery::Reader query) {
  auto limit =
      std::min(query.getEntriesMax() ? query.getEntriesMax() : log_entries_max, log_entries_max);
  auto streams = streams_of(settings, query.getJobId());
  std::map<std::string, uint64_t, std::less<>> positions;
  for (auto position : query.getPositions())
    positions[wire::str(position.getReplica())] = position.getOffset();
  for (auto& each : streams) {
    if (auto known = positions.find(each.name); known != positions.end())
      each.position = known->second;
    each.entries_left = limit;
    // Shared among all replicas, but each can return a line of any length.
    each.bytes_left = std::max<uint64_t>(log_bytes_max / streams.size(), 1);
    read(each);
  }
  auto horizon = horizon_of(streams);
  std::vector<const entry*> merged;
  for (const auto& each : streams)
    for (const auto& found : each.entries)
      if (found.timestamp_nanos <= horizon) merged.push_back(&found);
  std::stable_sort(merged.begin(), merged.end(),
                   [](auto* a, auto* b) { return a->timestamp_nanos < b->timestamp_nanos; });
  if (merged.size() > limit) merged.resize(limit);
  return wire::frame<wire::LogChunk>::build([&](wire::LogChunk::Builder out) {
    auto list = out.initEntries(uint32_t(merged.size()));
    for (uint32_t i = 0; i < merged.size(); ++i) {
      list[i].setReplica(*merged[i]->replica);
      list[i].setTask(*merged[i]->task);
      list[i].setTimestampNanos(merged[i]->timestamp_nanos);
      list[i].setStderr(merged[i]->is_stderr);
      list[i].setLine(merged[i]->line);
      list[i].setNextOffset(merged[i]->next_offset);
    }
  });
}

} // namespace troupe::runtime
