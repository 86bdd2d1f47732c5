#include "base/randomness.hpp"

#include <doctest/doctest.h>

using namespace troupe;

TEST_CASE("random bytes are two lower-case hex digits each and differ from call to call") {
  const auto one = random_hex(16), other = random_hex(16);
  CHECK(one.size() == 32);
  CHECK(one.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(one != other);
  CHECK(random_hex(0).empty());
}
