#include "cli/terminal/output_files.hpp"

#include <filesystem>
#include <fstream>

namespace troupe::cli {

namespace {

result<> check_writable(const std::string& path) {
  if (path.empty()) return {};
  std::ofstream file(path, std::ios::app);
  if (!file)
    return fail(errc::invalid_argument, "{}: cannot be written; is the directory there?", path);
  return {};
}

} // namespace

result<> output_files::check() const {
  const auto end = std::filesystem::path(plot).extension();
  if (!end.empty() && end != ".svg")
    return fail(errc::invalid_argument,
                "--plot {}: a chart is written as SVG; expected a name that ends in .svg", plot);
  if (auto writable = check_writable(json); !writable) return writable;
  return check_writable(plot);
}

result<> write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return {};
  std::ofstream file(path, std::ios::trunc);
  file << text << std::flush;
  if (!file) return fail(errc::unavailable, "{}: cannot be written; is the disk full?", path);
  return {};
}

} // namespace troupe::cli
