#include "wire/problems.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::wire;

TEST_CASE("a problem reads as one line and leaves out what it does not know") {
  CHECK(problem{"c.yaml:3:5", "api.lisen", "unknown key", "", "listen"}.text()
        == "c.yaml:3:5: api.lisen: unknown key; did you mean listen?");
  CHECK(problem{"", "a", "got 5", "a size such as 64GiB", ""}.text()
        == "a: got 5; expected a size such as 64GiB");
  CHECK(problem{"f:1:1", "", "empty", "", ""}.text() == "f:1:1: empty");
}
