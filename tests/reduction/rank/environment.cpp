#include "reduction/rank/environment.hpp"

#include "tests/reduction/variables.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace troupe::reduction::test {
namespace {

std::map<std::string, std::string> usual() {
  return {{"TROUPE_REDUCERS", "a:1,b:2"},
          {"TROUPE_JOB", "job-1"},
          {"TROUPE_TOKEN", "secret"},
          {"RANK", "2"},
          {"WORLD_SIZE", "4"}};
}

std::string refusal(const std::map<std::string, std::string>& values) {
  const variables set(values);
  const auto read = communicator_options_from_env();
  REQUIRE(!read);
  CHECK(read.error().code == errc::invalid_argument);
  return read.error().message;
}

} // namespace

TEST_CASE("a rank's required variables are enough, and the rest keep their defaults") {
  const variables set(usual());
  const auto read = communicator_options_from_env();
  REQUIRE(read);
  CHECK(read->reducers == std::vector<host_port>{{"a", 1}, {"b", 2}});
  CHECK(read->rank == 2);
  CHECK(read->world_size == 4);
  CHECK(read->timeout_ms == 10'000);
  CHECK(!read->hub);
  CHECK(read->kappa < 0);
}

TEST_CASE("a rank without reducers needs the address of the hub") {
  auto values = usual();
  values.erase("TROUPE_REDUCERS");
  CHECK(refusal(values).starts_with("TROUPE_REDUCERS is not set"));
  values["TROUPE_HUB"] = "a:5";
  const variables set(values);
  const auto read = communicator_options_from_env();
  REQUIRE(read);
  CHECK(read->hub == host_port{"a", 5});
  CHECK(read->reducers.empty());
}

TEST_CASE("kappa is a number of links, or measured") {
  auto values = usual();
  values["TROUPE_KAPPA"] = "2.5";
  {
    const variables set(values);
    CHECK(communicator_options_from_env()->kappa == 2.5);
  }
  values["TROUPE_KAPPA"] = "measure";
  {
    const variables set(values);
    CHECK(std::isnan(communicator_options_from_env()->kappa));
  }
  for (const auto* const bad : {"-1", "inf", "nan", "2x"}) {
    values["TROUPE_KAPPA"] = bad;
    CHECK(refusal(values).starts_with("TROUPE_KAPPA is"));
  }
}

TEST_CASE("a damaged address is refused under the name of its variable") {
  auto values = usual();
  values["TROUPE_REDUCERS"] = "a:1,b";
  CHECK(refusal(values).starts_with("TROUPE_REDUCERS: "));
  values["TROUPE_HUB"] = "nowhere";
  CHECK(refusal(values).starts_with("TROUPE_HUB: "));
}

} // namespace troupe::reduction::test
