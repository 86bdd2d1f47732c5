#include "base/private_file.hpp"

#include "base/files.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

using namespace troupe;

namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& file) {
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

} // namespace

TEST_CASE("a private directory is made for its owner only, and an existing one keeps its mode") {
  test::scratch dir;
  const auto made = dir.path() / "a/b";
  REQUIRE(make_private_directory(made));
  CHECK(mode_of(made) == 0700);
  REQUIRE(::chmod(made.c_str(), 0755) == 0);
  REQUIRE(make_private_directory(made));
  CHECK(mode_of(made) == 0755);
}

TEST_CASE("a private file is readable by its owner only, also where the old one was not") {
  test::scratch dir;
  const auto file = dir.write("token", "old");
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  REQUIRE(write_private_file(file, "new"));
  CHECK(mode_of(file) == 0600);
  CHECK(read_file(file) == "new");
  CHECK(write_private_file(dir.path("none/token"), "x").error().code == errc::failed_precondition);
}

TEST_CASE("a secret is made once and then read") {
  test::scratch dir;
  int made = 0;
  const auto make = [&] { return "secret" + std::to_string(++made); };
  CHECK(read_or_make_secret(dir.path("token"), make) == "secret1");
  CHECK(read_or_make_secret(dir.path("token"), make) == "secret1");
  CHECK(read_file(dir.path("token")) == "secret1\n");
  CHECK(mode_of(dir.path("token")) == 0600);
}

TEST_CASE("a secret that others may read, or that is empty, is refused") {
  test::scratch dir;
  const auto none = [] { return std::string("unused"); };
  const auto file = dir.write("token", "leaked\n");
  REQUIRE(::chmod(file.c_str(), 0640) == 0);
  CHECK(read_or_make_secret(file, none).error()
        == error{errc::failed_precondition,
                 file
                     + ": others may read this secret (mode 640, expected 600); delete the file to "
                       "get a fresh one"});
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  dir.write("token", "\n");
  CHECK(
      read_or_make_secret(file, none).error()
      == error{errc::failed_precondition, file + ": empty; delete the file to get a fresh secret"});
}
