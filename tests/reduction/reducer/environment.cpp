#include "reduction/reducer/environment.hpp"

#include "tests/reduction/variables.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {
namespace {

std::map<std::string, std::string> usual() {
  return {{"TROUPE_LISTEN", "127.0.0.1:7"},
          {"TROUPE_JOB", "job-1"},
          {"TROUPE_TOKEN", "secret"},
          {"TROUPE_WORLD_SIZE", "4"}};
}

} // namespace

TEST_CASE("a reducer's required variables are enough, and the rest keep their defaults") {
  const variables set(usual());
  const auto read = reducer_options_from_env();
  REQUIRE(read);
  CHECK(read->bind_address == "127.0.0.1");
  CHECK(read->port == 7);
  CHECK(read->world_size == 4);
  CHECK(read->attempt == 0);
  CHECK(read->slots == 16);
  CHECK(read->shared_key.empty());
}

TEST_CASE("each of a reducer's required variables is named when it is missing") {
  for (const auto* const name :
       {"TROUPE_LISTEN", "TROUPE_JOB", "TROUPE_TOKEN", "TROUPE_WORLD_SIZE"}) {
    auto values = usual();
    values.erase(name);
    const variables set(values);
    const auto read = reducer_options_from_env();
    REQUIRE(!read);
    CHECK(read.error().code == errc::invalid_argument);
    CHECK(read.error().message.starts_with(std::string(name) + " is not set"));
  }
}

TEST_CASE("a shared reducer needs its key in place of a job") {
  const variables set(
      {{"TROUPE_LISTEN", "127.0.0.1:7"}, {"TROUPE_SHARED_KEY", "key"}, {"TROUPE_MAX_JOBS", "3"}});
  const auto read = reducer_options_from_env();
  REQUIRE(read);
  CHECK(read->shared_key == "key");
  CHECK(read->max_jobs == 3);
}

} // namespace troupe::reduction::test
