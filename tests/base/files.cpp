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

size_t entries_of(const fs::path& directory) {
  return size_t(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

} // namespace

TEST_CASE("a file is read as a whole, whatever bytes it holds") {
  test::scratch dir;
  const std::string bytes = std::string(40'000, 'x') + std::string("\0\xff\n", 3);
  CHECK(read_file(dir.write("a", bytes)) == bytes);
  CHECK(read_file(dir.write("b", "")) == "");
}

TEST_CASE("a file that does not exist is reported as not_found with its path") {
  test::scratch dir;
  const auto text = read_file(dir.path("none"));
  REQUIRE_FALSE(text);
  CHECK(text.error() == error{errc::not_found, dir.path("none") + ": No such file or directory"});
  CHECK(first_line(dir.path("none")).error().code == errc::not_found);
}

TEST_CASE("a FIFO in place of a file is read as empty without a writer") {
  test::scratch dir;
  REQUIRE(::mkfifo(dir.path("fifo").c_str(), 0600) == 0);
  CHECK(read_file(dir.path("fifo")) == "");
}

TEST_CASE("the first line ends at its line break or at the end of the file") {
  test::scratch dir;
  CHECK(first_line(dir.write("a", "one\ntwo\n")) == "one");
  CHECK(first_line(dir.write("b", "one")) == "one");
  CHECK(first_line(dir.write("c", "\ntwo")) == "");
  CHECK(first_line(dir.write("d", "")) == "");
}

TEST_CASE("a replaced file has the new content and mode, and nothing else is left") {
  test::scratch dir;
  for (const auto kept : {durability::process, durability::power}) {
    REQUIRE(replace_file(dir.path("a"), "old", 0600, kept));
    CHECK(mode_of(dir.path("a")) == 0600);
    REQUIRE(replace_file(dir.path("a"), "new", 0644, kept));
    CHECK(read_file(dir.path("a")) == "new");
    CHECK(mode_of(dir.path("a")) == 0644);
    CHECK(entries_of(dir.path()) == 1);
  }
}

TEST_CASE("a file that cannot be replaced stays as it was and the error names it") {
  test::scratch dir;
  fs::create_directories(dir.path() / "a" / "b");
  const auto written = replace_file(dir.path("a"), "new", 0600, durability::power);
  REQUIRE_FALSE(written);
  CHECK(written.error()
        == error{errc::unavailable, "cannot write " + dir.path("a") + ": Is a directory"});
  CHECK(entries_of(dir.path()) == 1);
  CHECK_FALSE(replace_file(dir.path("none/a"), "new", 0600, durability::power));
}

TEST_CASE("a file is created once, and an existing one is kept") {
  test::scratch dir;
  REQUIRE(create_file(dir.path("a"), "one", 0600));
  CHECK(mode_of(dir.path("a")) == 0600);
  CHECK(create_file(dir.path("a"), "two", 0600).error()
        == error{errc::already_exists, "cannot create " + dir.path("a") + ": File exists"});
  CHECK(read_file(dir.path("a")) == "one");
  CHECK(create_file(dir.path("none/a"), "x", 0600).error().code == errc::failed_precondition);
}

TEST_CASE("appended bytes follow what is there") {
  test::scratch dir;
  REQUIRE(append_file(dir.path("a"), "one\n"));
  REQUIRE(append_file(dir.path("a"), "two\n"));
  CHECK(read_file(dir.path("a")) == "one\ntwo\n");
  CHECK(mode_of(dir.path("a")) == 0600);
  CHECK(append_file(dir.path("none/a"), "x").error().code == errc::unavailable);
}

TEST_CASE("directories are made with their parents, for their owner only") {
  test::scratch dir;
  REQUIRE(make_directories(dir.path() / "a/b/c"));
  REQUIRE(make_directories(dir.path() / "a/b/c"));
  CHECK(mode_of(dir.path() / "a/b/c") == 0700);
  dir.write("file", "");
  CHECK_FALSE(make_directories(dir.path() / "file/a"));
}

TEST_CASE("syncing a directory that does not exist is an error that names it") {
  test::scratch dir;
  CHECK(sync_directory(dir.path()));
  CHECK(sync_directory(dir.path("none")).error()
        == error{errc::unavailable,
                 "cannot sync " + dir.path("none") + ": No such file or directory"});
}
