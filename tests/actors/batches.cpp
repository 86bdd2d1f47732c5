#include "actors/batches.hpp"

#include <doctest/doctest.h>

using namespace troupe;

TEST_CASE("joined batches leave what doing them one by one leaves") {
  store::batch first, second;
  first.put(store::family::service_logs, "7/1", "queued");
  first.put(store::family::service_logs, "8/1", "queued");
  second.range_deletes.push_back({store::family::service_logs, "7/", "70"});
  second.put(store::family::custom_jobs, "9", "job");

  auto one_by_one = store::in_memory();
  REQUIRE(one_by_one->commit(first));
  REQUIRE(one_by_one->commit(second));

  store::batch joined;
  actors::append(joined, first);
  actors::append(joined, second);
  auto at_once = store::in_memory();
  REQUIRE(at_once->commit(joined));

  for (auto family : {store::family::service_logs, store::family::custom_jobs}) {
    std::vector<std::pair<std::string, std::string>> expected, found;
    REQUIRE(one_by_one->scan(family, "", false, [&](auto key, auto value) {
      expected.emplace_back(key, value);
      return true;
    }));
    REQUIRE(at_once->scan(family, "", false, [&](auto key, auto value) {
      found.emplace_back(key, value);
      return true;
    }));
    CHECK(found == expected);
  }
  // The first batch's log line of job 7 must be gone, that of job 8 must not.
  CHECK_FALSE(*at_once->read(store::family::service_logs, "7/1"));
  CHECK(*at_once->read(store::family::service_logs, "8/1"));
}
