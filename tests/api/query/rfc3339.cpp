#include "api/query/rfc3339.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

TEST_CASE("a time in RFC 3339 is read to the nanosecond") {
  CHECK(nanos_of_rfc3339("1970-01-01T00:00:00Z") == 0);
  CHECK(nanos_of_rfc3339("1970-01-01t00:00:01.000000001z") == 1'000'000'001);
  CHECK(nanos_of_rfc3339("1969-12-31T23:59:59.5Z") == -500'000'000);
  CHECK(nanos_of_rfc3339("1970-01-01 00:00:00.0000000019Z") == 1); // more digits are cut
}

TEST_CASE("an offset to the east means an earlier time in UTC") {
  CHECK(nanos_of_rfc3339("1970-01-01T01:00:00+01:00") == 0);
  CHECK(nanos_of_rfc3339("1969-12-31T23:30:00-00:30") == 0);
}

TEST_CASE("a bare date is its midnight in UTC") {
  CHECK(nanos_of_rfc3339("1970-01-02") == int64_t(86'400) * 1'000'000'000);
}

TEST_CASE("a text that is not a time is rejected") {
  for (auto wrong : {"", "2026", "2026-02-30", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00",
                     "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "0001-01-01T00:00:00Z",
                     "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "1677-12-31", "2262-01-01",
                     "2026-01-01T00:00:00+24:00"}) {
    CAPTURE(wrong);
    CHECK_FALSE(nanos_of_rfc3339(wrong));
  }
  CHECK(nanos_of_rfc3339("1678-01-01"));
  CHECK(nanos_of_rfc3339("2261-12-31"));
}

TEST_CASE("a time is written with as few digits as are exact") {
  for (auto text : {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.120Z",
                    "1969-12-31T23:59:59.000001Z", "2026-01-31T12:00:00.123456789Z"})
    CHECK(rfc3339_of_nanos(*nanos_of_rfc3339(text)) == text);
}

} // namespace troupe::api::test
