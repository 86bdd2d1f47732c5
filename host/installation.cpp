#include "host/installation.hpp"

#include <vector>

namespace troupe::host {

namespace fs = std::filesystem;

namespace {

fs::path first_existing(const std::vector<fs::path>& places) {
  std::error_code ignored;
  for (const auto& place : places)
    if (fs::exists(place, ignored)) return fs::weakly_canonical(place, ignored);
  return {};
}

} // namespace

result<installation> find_installation() {
  std::error_code problem;
  const auto self = fs::read_symlink("/proc/self/exe", problem);
  if (problem)
    return fail(errc::failed_precondition, "/proc/self/exe: {}; is /proc mounted?",
                problem.message());
  return installation_around(self);
}

result<installation> installation_around(const fs::path& program) {
  const auto here = program.parent_path();
  const auto prefix = here.parent_path();
  const std::vector<fs::path> shims = {here / "troupe-shim", prefix / "libexec/troupe/troupe-shim",
                                       prefix / "runtime/troupe-shim"};
  installation found;
  found.troupe = program;
  found.shim = first_existing(shims);
  if (found.shim.empty())
    return fail(errc::failed_precondition,
                "cannot find troupe-shim, which starts replicas: looked for {}, {} and {}; build "
                "it (ninja) or install Troupe whole",
                shims[0].string(), shims[1].string(), shims[2].string());
  found.library =
      first_existing({prefix / TROUPE_LIBDIR "/libtroupe.so", prefix / "reduction/libtroupe.so"});
  // The source tree counts only for a program that runs out of its build tree.
  std::vector<fs::path> packages = {prefix / "share/troupe/python"};
  std::error_code ignored;
  if (fs::exists(prefix / "build.ninja", ignored))
    packages.push_back(fs::path(TROUPE_SOURCE_ROOT) / "python");
  found.python = first_existing(packages);
  return found;
}

} // namespace troupe::host
