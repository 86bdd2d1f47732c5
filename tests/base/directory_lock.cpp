#include "base/directory_lock.hpp"

#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

using namespace troupe;

namespace {

result<directory_lock> take(const std::filesystem::path& directory) {
  return directory_lock::take(directory, "lock",
                              [](const std::string& owner) { return "owner " + owner; });
}

} // namespace

TEST_CASE("a directory that is locked is refused, and the error names the owner's process id") {
  test::scratch dir;
  const auto first = take(dir.path());
  REQUIRE(first);
  CHECK(take(dir.path()).error()
        == error{errc::failed_precondition, "owner " + std::to_string(::getpid())});
}

TEST_CASE("a directory is free again when its lock goes") {
  test::scratch dir;
  { REQUIRE(take(dir.path())); }
  auto again = take(dir.path());
  REQUIRE(again);
  *again = directory_lock();
  CHECK(take(dir.path()));
}

TEST_CASE("a directory is free again when its owner's process has ended") {
  test::scratch dir;
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto taken = take(dir.path());
    ::_exit(taken ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  CHECK(take(dir.path()));
}

TEST_CASE("an owner that left no process id is unknown") {
  test::scratch dir;
  const auto first = take(dir.path());
  REQUIRE(first);
  dir.write("lock", "");
  CHECK(take(dir.path()).error().message == "owner unknown");
}

TEST_CASE("a directory that does not exist cannot be locked") {
  test::scratch dir;
  CHECK(take(dir.path() / "none").error().code == errc::failed_precondition);
}
