#include "base/files.hpp"

#include "base/descriptor.hpp"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe {

namespace {

namespace fs = std::filesystem;

bool write_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0)
      bytes.remove_prefix(size_t(n));
    else if (errno != EINTR)
      return false;
  }
  return true;
}

bool sync_entry(const fs::path& directory) {
  const unique_fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.value()) == 0;
}

/// The directory that holds `path`: "." for a name alone.
fs::path directory_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

} // namespace

result<std::string> read_file(const fs::path& path) {
  // A program may have put a FIFO there; nobody waits for one.
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    const auto code = errno == ENOENT   ? errc::not_found
                      : errno == EACCES ? errc::permission_denied
                                        : errc::unavailable;
    return fail(code, "{}: {}", path.string(), last_problem());
  }
  std::string out;
  char buffer[16 << 10];
  for (;;) {
    const auto n = ::read(fd.value(), buffer, sizeof buffer);
    if (n == 0) return out;
    if (n > 0)
      out.append(buffer, size_t(n));
    else if (errno != EINTR)
      return fail(errc::unavailable, "{}: {}", path.string(), last_problem());
  }
}

result<std::string> first_line(const fs::path& path) {
  auto text = read_file(path);
  if (text) text->resize(std::min(text->find('\n'), text->size()));
  return text;
}

result<> replace_file(const fs::path& path, std::string_view bytes, mode_t mode, durability kept) {
  // Two writers of one file must not share the name.
  static std::atomic<uint64_t> counter = 0;
  auto temporary = path;
  temporary += fmt::format(".{}.{}.tmp", getpid(), ++counter);
  const auto problem = [&] {
    const auto text = last_problem();
    ::unlink(temporary.c_str());
    return fail(errc::unavailable, "cannot write {}: {}", path.string(), text);
  };
  const unique_fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  // The umask takes bits away; the mode is meant as it is.
  if (!fd || ::fchmod(fd.value(), mode) != 0 || !write_whole(fd.value(), bytes)) return problem();
  const bool synced = kept == durability::power;
  if (synced && ::fsync(fd.value()) != 0) return problem();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return problem();
  if (synced && !sync_entry(directory_of(path))) return problem();
  return {};
}

result<> create_file(const fs::path& path, std::string_view bytes, mode_t mode) {
  const unique_fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd)
    return fail(errno == EEXIST ? errc::already_exists : errc::failed_precondition,
                "cannot create {}: {}", path.string(), last_problem());
  if (write_whole(fd.value(), bytes) && ::fsync(fd.value()) == 0 && sync_entry(directory_of(path)))
    return {};
  return fail(errc::failed_precondition, "cannot write {}: {}", path.string(), last_problem());
}

result<> sync_directory(const fs::path& directory) {
  if (sync_entry(directory)) return {};
  return fail(errc::unavailable, "cannot sync {}: {}", directory.string(), last_problem());
}

result<> append_file(const fs::path& path, std::string_view bytes) {
  const unique_fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (fd && write_whole(fd.value(), bytes)) return {};
  return fail(errc::unavailable, "cannot write {}: {}", path.string(), last_problem());
}

result<> make_directories(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT || !path.has_parent_path() || path.parent_path() == path)
    return fail(errc::unavailable, "cannot make the directory {}: {}", path.string(),
                last_problem());
  if (auto parent = make_directories(path.parent_path()); !parent) return parent;
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(errc::unavailable, "cannot make the directory {}: {}", path.string(), last_problem());
}

} // namespace troupe
