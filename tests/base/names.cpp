#include "base/names.hpp"

#include <doctest/doctest.h>

using namespace troupe;

TEST_CASE("a resource's name holds its project, location, collection and id") {
  CHECK(location_name("p", "l") == "projects/p/locations/l");
  CHECK(resource_name("p", "l", "customJobs", 7) == "projects/p/locations/l/customJobs/7");
  CHECK(child_name("projects/p/locations/l/studies/3", "trials", 1)
        == "projects/p/locations/l/studies/3/trials/1");
}

TEST_CASE("a resource's name is parsed into what it was made of") {
  const auto name = resource_name("p", "l", "customJobs", UINT64_MAX);
  const auto parts = parse_resource_name(name);
  REQUIRE(parts);
  CHECK(parts->project == "p");
  CHECK(parts->location == "l");
  CHECK(parts->collection == "customJobs");
  CHECK(parts->id == "18446744073709551615");
}

TEST_CASE("a text that is no resource's name is not parsed") {
  for (auto text :
       {"", "projects/p/locations/l", "projects/p/locations/l/customJobs",
        "projects/p/locations/l/customJobs/", "projects/p/locations/l/customJobs/1/",
        "projects/p/locations/l/studies/1/trials/1", "projects//locations/l/x/1",
        "project/p/locations/l/x/1", "projects/p/location/l/x/1", "/projects/p/locations/l/x/1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_resource_name(text));
  }
}

TEST_CASE("an id is a decimal above zero without leading zeros") {
  CHECK(parse_id("1") == 1);
  CHECK(parse_id("18446744073709551615") == UINT64_MAX);
  for (auto text : {"", "0", "01", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_id(text));
  }
}

TEST_CASE("the last segment of a name is its id") {
  CHECK(last_segment("a/b/17") == "17");
  CHECK(last_segment("17") == "17");
  CHECK(last_segment("a/") == "");
  CHECK(last_id("projects/p/locations/l/customJobs/17") == 17);
  CHECK(last_id("17") == 17);
  CHECK_FALSE(last_id("projects/p"));
}

TEST_CASE("a task's name is its pool and its index in the pool") {
  CHECK(pool_name(2) == "workerpool2");
  CHECK(task_name(0, 0) == "workerpool0-0");
  CHECK(task_name(2, 13) == "workerpool2-13");
  CHECK(parse_task_name("workerpool2-13") == task_id{2, 13});
  CHECK(parse_task_name(task_name(UINT32_MAX, UINT32_MAX)) == task_id{UINT32_MAX, UINT32_MAX});
}

TEST_CASE("a text that is no task's name is not parsed") {
  for (auto text : {"", "workerpool", "workerpool0", "workerpool-0", "workerpool0-", "service",
                    "workerpool0-0-0", "workerpool00-0", "workerpool0-01", "workerpool+1-0",
                    "Workerpool0-0", "workerpool0-4294967296", "workerpool0-0 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_task_name(text));
  }
}

TEST_CASE("keys are ordered as the numbers are") {
  CHECK(key_of(0) == "00000000000000000000");
  CHECK(key_of(42) == "00000000000000000042");
  CHECK(key_of(UINT64_MAX) == "18446744073709551615");
  CHECK(key_of(9) < key_of(10));
  CHECK(key_of(999) < key_of(UINT64_MAX));
  CHECK(key_of(7, 12) == "00000000000000000007/0000000012");
  CHECK(key_of(7, UINT32_MAX) == "00000000000000000007/4294967295");
  CHECK(key_of(7, 9) < key_of(7, 10));
  CHECK(key_digits(5, 3) == "005");
}

TEST_CASE("the keys of a record's parts lie together, between their prefix and their end") {
  for (const uint32_t number : {0u, 1u, UINT32_MAX}) {
    CHECK(key_of(7, number).starts_with(parts_prefix(7)));
    CHECK(key_of(7, number) < parts_end(7));
    CHECK(parts_prefix(7) < key_of(7, number));
  }
  CHECK(key_of(7) < parts_prefix(7));
  CHECK(parts_end(7) < key_of(8));
  CHECK(parts_end(7) == key_of(7) + "0");
}

TEST_CASE("a key tells the id that it begins with") {
  CHECK(id_of_key(key_of(4711)) == 4711);
  CHECK(id_of_key(key_of(4711, 2)) == 4711);
  CHECK(id_of_key(key_of(UINT64_MAX)) == UINT64_MAX);
  CHECK(id_of_key("cluster") == 0);
}
