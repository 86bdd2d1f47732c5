#include "api/http/request_counts.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

TEST_CASE("requests are counted by their status") {
  request_counts counts;
  CHECK(counts.by_status().empty());
  for (int status : {200, 404, 200})
    counts.add(status);
  CHECK(counts.by_status() == std::map<int, uint64_t>{{200, 2}, {404, 1}});
}

} // namespace troupe::api::test
