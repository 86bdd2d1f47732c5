#include "api/query/resource_path.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

TEST_CASE("a location holds the resources whose names begin with it") {
  project_location here{"p", "l"};
  CHECK(here.name() == "projects/p/locations/l");
  CHECK(here.holds("projects/p/locations/l/customJobs/7"));
  CHECK_FALSE(here.holds("projects/q/locations/l/customJobs/7"));
  CHECK_FALSE(here.holds("projects/p/locations/m/customJobs/7"));
  CHECK_FALSE(here.holds("projects/pp/locations/l/customJobs/7"));
  CHECK_FALSE(here.holds("projects/p/locations/l"));
  CHECK_FALSE(here.holds(""));
}

TEST_CASE("a dash stands for every project or location") {
  CHECK(project_location{"-", "-"}.holds("projects/p/locations/l/customJobs/7"));
  CHECK(project_location{"-", "l"}.holds("projects/p/locations/l/customJobs/7"));
  CHECK_FALSE(project_location{"-", "m"}.holds("projects/p/locations/l/customJobs/7"));
  CHECK_FALSE(project_location{"p", "-"}.holds("projects/q/locations/l/customJobs/7"));
}

TEST_CASE("a resource's name is its location, its collection and its id") {
  CHECK(resource_name({"p", "l"}, "customJobs", "7") == "projects/p/locations/l/customJobs/7");
}

} // namespace troupe::api::test
