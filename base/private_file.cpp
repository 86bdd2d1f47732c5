#include "base/private_file.hpp"

#include "base/files.hpp"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>

namespace troupe {

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
  auto written = replace_file(file, content, 0600, durability::power);
  if (!written) written.error().code = errc::failed_precondition;
  return written;
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
  auto secret = first_line(file);
  if (!secret) return fail(errc::failed_precondition, "{}", secret.error().message);
  if (secret->empty())
    return fail(errc::failed_precondition, "{}: empty; delete the file to get a fresh secret",
                file.string());
  return secret;
}

} // namespace troupe
