#include "runtime/shim/log_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace troupe::runtime::shim {

log_writer::log_writer(std::string directory, uint64_t bytes_max)
    : directory_(std::move(directory)), bytes_max_(std::max<uint64_t>(bytes_max, 64 << 10)),
      segment_bytes_(std::clamp<uint64_t>(bytes_max_ / 16, 4 << 10, 16 << 20)) {}

log_writer::~log_writer() {
  if (fd_ >= 0) close(fd_);
}

void log_writer::append(bool is_stderr, const char* data, size_t size, int64_t now_nanos) {
  now_nanos_ = now_nanos;
  auto& partial = partial_[is_stderr];
  while (size > 0) {
    size_t room = line_bytes_max - partial.size();
    auto* newline = static_cast<const char*>(std::memchr(data, '\n', std::min(size, room + 1)));
    size_t taken = newline ? size_t(newline - data) : std::min(size, room);
    // Most lines arrive whole and do not need `partial`.
    const char* line = data;
    size_t line_bytes = taken;
    if (!partial.empty() || (!newline && taken < room)) {
      partial.append(data, taken);
      line = partial.data();
      line_bytes = partial.size();
    }
    data += taken + (newline ? 1 : 0);
    size -= taken + (newline ? 1 : 0);
    if (!newline && line_bytes < line_bytes_max) break;
    // A line of exactly the limit whose newline has not arrived yet is not split.
    if (!newline && size == 0) {
      if (line != partial.data()) partial.assign(line, line_bytes);
      break;
    }
    put_line(is_stderr, !newline, line, line_bytes);
    partial.clear();
  }
  flush();
}

void log_writer::finish(int64_t now_nanos) {
  now_nanos_ = now_nanos;
  for (bool is_stderr : {false, true}) {
    auto& partial = partial_[is_stderr];
    if (!partial.empty()) put_line(is_stderr, false, partial.data(), partial.size());
    partial.clear();
  }
  flush();
  // An empty last segment shows readers that something before it is missing.
  if (lost_) open_segment();
}

void log_writer::put_line(bool is_stderr, bool goes_on, const char* data, size_t size) {
  put_stamp();
  char letter = is_stderr ? 'e' : 'o';
  const char tag[] = {' ', goes_on ? char(letter - 'a' + 'A') : letter, ' '};
  out_.append(tag, sizeof tag);
  out_.append(data, size);
  out_ += '\n';
  if (out_.size() >= std::min<uint64_t>(segment_bytes_, 256 << 10)) flush();
}

void log_writer::put_stamp() {
  auto stamp = std::max(stamp_ + 1, now_nanos_);
  if (stamp == stamp_ + 1) {
    // Lines that arrive together are one nanosecond apart: incrementing is cheaper than printing
    // a number.
    auto digit = sizeof digits_ - 1;
    for (; digits_[digit] == '9' && digit > 0; --digit)
      digits_[digit] = '0';
    ++digits_[digit];
  } else {
    auto rest = stamp;
    for (auto digit = sizeof digits_; digit-- > 0; rest /= 10)
      digits_[digit] = char('0' + rest % 10);
  }
  stamp_ = stamp;
  out_.append(digits_, sizeof digits_);
}

void log_writer::flush() {
  if (out_.empty()) return;
  uint64_t size = out_.size();
  bool written = (fd_ >= 0 && segments_.back().bytes < segment_bytes_) || open_segment();
  for (uint64_t done = 0; written && done < size;) {
    auto n = write(fd_, out_.data() + done, size - done);
    if (n >= 0)
      done += uint64_t(n);
    else if (errno != EINTR)
      written = false;
  }
  if (written) {
    segments_.back().bytes += size;
    kept_bytes_ += size;
    lost_ = false;
    drop_middle();
  } else {
    // The disk is full or failing. The job goes on; readers see the gap in the offsets.
    if (fd_ >= 0) abandon_segment();
    lost_ = true;
  }
  offset_ += size;
  out_.clear();
}

bool log_writer::open_segment() {
  int fd = open(path_of(offset_).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  if (segments_.empty() || segments_.back().start != offset_) segments_.push_back({offset_, 0});
  return true;
}

void log_writer::abandon_segment() {
  // Readers follow the offsets and would skip half a line, if it stayed.
  (void)!ftruncate(fd_, off_t(segments_.back().bytes));
  close(fd_);
  fd_ = -1;
  if (segments_.back().bytes > 0) return;
  unlink(path_of(segments_.back().start).c_str());
  segments_.pop_back();
}

void log_writer::drop_middle() {
  auto is_head = [&](const segment& s) { return s.start < bytes_max_ / 4; };
  while (kept_bytes_ > bytes_max_ && segments_.size() > 1) {
    auto oldest = std::find_if_not(segments_.begin(), segments_.end() - 1, is_head);
    if (oldest == segments_.end() - 1) return;
    unlink(path_of(oldest->start).c_str());
    kept_bytes_ -= oldest->bytes;
    segments_.erase(oldest);
  }
}

std::string log_writer::path_of(uint64_t start) const {
  char name[40];
  std::snprintf(name, sizeof name, "/%0*llu.log", segment_digits,
                static_cast<unsigned long long>(start));
  return directory_ + name;
}

} // namespace troupe::runtime::shim
