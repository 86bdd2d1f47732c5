#include "base/private_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::cli {

namespace fs = std::filesystem;

result<> make_private_directory(const fs::path& directory) {
  std::error_code problem;
  if (fs::is_directory(directory, problem)) return {};
  fs::create_directories(directory, problem);
  if (!problem) fs::permissions(directory, fs::perms::owner_all, problem);
  if (problem)
    return fail(errc::failed_precondition,
                "{}: cannot make this directory: {}; pass another with --data", directory.string(),
                problem.message());
  return {};
}

result<> write_private_file(const fs::path& file, std::string_view content) {
  const auto fresh = file.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return fail(errc::failed_precondition, "{}: cannot write: {}", fresh, std::strerror(errno));
  const bool written =
      ::fchmod(fd, 0600) == 0
      && ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size())
      && ::fsync(fd) == 0;
  const int problem = errno;
  ::close(fd);
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0)
    return fail(errc::failed_precondition, "{}: cannot write: {}", file.string(),
                std::strerror(written ? errno : problem));
  return {};
}

result<std::string> read_or_make_secret(const fs::path& file,
                                        const std::function<std::string()>& make) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) {
    if (errno != ENOENT)
      return fail(errc::failed_precondition, "{}: {}", file.string(), std::strerror(errno));
    auto secret = make();
    if (auto written = write_private_file(file, secret + "\n"); !written)
      return std::unexpected(written.error());
    return secret;
  }
  if ((info.st_mode & 077) != 0)
    return fail(errc::failed_precondition,
                "{}: others may read this secret (mode {:o}, expected 600); delete the file to get "
                "a fresh one",
                file.string(), info.st_mode & 0777);
  std::ifstream stream(file);
  std::string secret;
  if (!std::getline(stream, secret) || secret.empty())
    return fail(errc::failed_precondition, "{}: empty; delete the file to get a fresh secret",
                file.string());
  return secret;
}

} // namespace troupe::cli
