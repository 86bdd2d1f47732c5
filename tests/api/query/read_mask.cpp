#include "api/query/read_mask.hpp"

#include "wire/custom_job.capnp.h"

#include <doctest/doctest.h>

namespace troupe::api::test {

namespace {

result<read_mask> parsed(std::string_view text) {
  return read_mask::parse(text, capnp::Schema::from<wire::CustomJob>());
}

} // namespace

TEST_CASE("a mask keeps the fields that it names, and no others") {
  auto job = wire::frame<wire::CustomJob>::build([](wire::CustomJob::Builder made) {
    made.setName("n");
    made.setDisplayName("d");
    made.setState(wire::JobState::RUNNING);
  });
  auto seen = parsed("name,display_name")->applied(job);
  CHECK(wire::view(seen->getName()) == "n");
  CHECK(wire::view(seen->getDisplayName()) == "d");
  CHECK(seen->getState() == wire::JobState::UNSPECIFIED);
}

TEST_CASE("a mask names fields in either spelling") {
  for (auto text : {"display_name", "displayName"}) {
    CHECK(parsed(text)->keeps("displayName"));
    CHECK_FALSE(parsed(text)->keeps("state"));
  }
}

TEST_CASE("a mask keeps everything when it is empty or has a star") {
  for (auto text : {"", "*", "name,*"}) {
    CAPTURE(text);
    CHECK(parsed(text)->keeps("name"));
    CHECK(parsed(text)->keeps("state"));
  }
}

TEST_CASE("a deeper path keeps its whole top-level field") {
  CHECK(parsed("job_spec.scheduling")->keeps("jobSpec"));
}

TEST_CASE("a mask with an unknown field is rejected with the field's name") {
  auto mask = parsed("name,nmae");
  REQUIRE_FALSE(mask);
  CHECK(mask.error().code == errc::invalid_argument);
  CHECK(mask.error().message.contains("'nmae'"));
}

} // namespace troupe::api::test
