#include "host/installation.hpp"

#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::host;
namespace fs = std::filesystem;

namespace {

/// A directory with files in it, in which programs are looked for.
struct tree : test::scratch {
  std::string add(const std::string& name) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    return fs::canonical(write(name, "")).string();
  }
};

} // namespace

TEST_CASE("a program in a build tree finds the files where they are built") {
  tree build;
  auto shim = build.add("runtime/troupe-shim");
  auto library = build.add("reduction/libtroupe.so");
  build.add("build.ninja");
  auto found = installation_around(build.add("cli/troupe"));
  REQUIRE(found);
  CHECK(found->troupe == build.path("cli/troupe"));
  CHECK(found->shim == shim);
  CHECK(found->library == library);
  CHECK(found->python.filename() == "python"); // of the source tree
}

TEST_CASE("an installed program finds the files under its prefix, and nothing of the source tree") {
  tree prefix;
  auto shim = prefix.add("libexec/troupe/troupe-shim");
  auto found = installation_around(prefix.add("bin/troupe"));
  REQUIRE(found);
  CHECK(found->shim == shim);
  CHECK(found->library.empty());
  CHECK(found->python.empty());
  auto package = fs::path(prefix.add("share/troupe/python/troupe/__init__.py"));
  found = installation_around(prefix.path("bin/troupe"));
  REQUIRE(found);
  CHECK(found->python == package.parent_path().parent_path());
}

TEST_CASE("a shim beside the program is taken before any other") {
  tree prefix;
  prefix.add("libexec/troupe/troupe-shim");
  auto beside = prefix.add("bin/troupe-shim");
  auto found = installation_around(prefix.add("bin/troupe"));
  REQUIRE(found);
  CHECK(found->shim == beside);
}

TEST_CASE("the error about a missing shim names the places that were tried") {
  tree prefix;
  auto found = installation_around(prefix.add("bin/troupe"));
  REQUIRE_FALSE(found);
  CHECK(found.error().code == errc::failed_precondition);
  for (auto place : {"bin/troupe-shim", "libexec/troupe/troupe-shim", "runtime/troupe-shim"})
    CHECK(found.error().message.find(prefix.path(place)) != std::string::npos);
}
