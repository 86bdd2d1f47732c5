#include "base/descriptor.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using namespace troupe;

namespace {

int opened() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

} // namespace

TEST_CASE("a descriptor is closed when its owner goes") {
  const int fd = opened();
  REQUIRE(is_open(fd));
  { unique_fd owner(fd); }
  CHECK_FALSE(is_open(fd));
}

TEST_CASE("a moved descriptor has one owner") {
  unique_fd first(opened());
  const int fd = first.value();
  unique_fd second(std::move(first));
  CHECK_FALSE(first);
  CHECK(second.value() == fd);
  second = unique_fd();
  CHECK_FALSE(second);
  CHECK_FALSE(is_open(fd));
}

TEST_CASE("the last problem is the text of errno") {
  errno = ENOENT;
  CHECK(last_problem() == "No such file or directory");
}
