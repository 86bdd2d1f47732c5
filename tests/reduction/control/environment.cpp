#include "reduction/control/environment.hpp"

#include "tests/reduction/variables.hpp"

#include <doctest/doctest.h>

namespace troupe::reduction::test {

TEST_CASE("a variable that is required and not set is named, with what it should hold") {
  const variables none({});
  environment_reader in;
  uint32_t value = 5;
  in.required("RANK", "this process's rank", value);
  CHECK(!in.good());
  CHECK(in.outcome().error().code == errc::invalid_argument);
  CHECK(in.outcome().error().message == "RANK is not set; expected this process's rank");
  CHECK(value == 5);
}

TEST_CASE("an empty variable counts as not set") {
  const variables empty("RANK", "");
  CHECK(!variable("RANK"));
  environment_reader in;
  uint32_t value = 5;
  in.optional("RANK", "a rank", value);
  CHECK(in.good());
  CHECK(value == 5);
}

TEST_CASE("a number is read whole or refused") {
  for (const auto* const bad : {"1x", " 1", "-1", "4294967296", "1.5"}) {
    const variables set("RANK", bad);
    environment_reader in;
    uint32_t value = 0;
    in.required("RANK", "a rank", value);
    REQUIRE(!in.good());
    CHECK(in.outcome().error().message
          == fmt::format("RANK is \"{}\"; expected a rank, a whole number", bad));
  }
}

TEST_CASE("the first error stays, and nothing is read after it") {
  const std::map<std::string, std::string> values{{"TROUPE_THREADS", "two"}, {"RANK", "7"}};
  const variables set(values);
  environment_reader in;
  uint32_t threads = 1, rank = 0;
  in.optional("TROUPE_THREADS", "threads", threads);
  in.required("RANK", "a rank", rank);
  CHECK(in.outcome().error().message.starts_with("TROUPE_THREADS"));
  CHECK(rank == 0);
}

} // namespace troupe::reduction::test
