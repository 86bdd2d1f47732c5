#include "cli/terminal/flags.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

namespace {

std::string pool_problem(std::string_view value) {
  auto pool = parse_pool(value);
  return pool ? "" : pool.error().message;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("a comma list is split at commas, or at another separator in gcloud's form ^:^") {
  CHECK(comma_list("") == list{});
  CHECK(comma_list("a,b") == list{"a", "b"});
  CHECK(comma_list("--lr=1,,x") == list{"--lr=1", "", "x"});
  CHECK(comma_list("^:^a,b:c") == list{"a,b", "c"});
  CHECK(comma_list("^x") == list{"^x"});
}

TEST_CASE("a key=value list is split into pairs, and a bad or repeated key is rejected") {
  CHECK(*key_values("--labels", "a=1,b=x=y") == pairs{{"a", "1"}, {"b", "x=y"}});
  CHECK(key_values("--labels", "")->empty());
  CHECK(key_values("--labels", "a").error().message
        == "Invalid value for [--labels]: Bad syntax for dict arg: [a]; expected key=value pairs, "
           "separated by commas.");
  CHECK(key_values("--labels", "=1").error().code == errc::invalid_argument);
  CHECK(key_values("--labels", "a=1,a=2").error().message
        == "Invalid value for [--labels]: Duplicate key [a].");
}

TEST_CASE("--worker-pool-spec is read into a pool, with defaults for what is missing") {
  auto pool = *parse_pool("machine-type=n1-standard-4,replica-count=3,accelerator-type=NVIDIA_L4,"
                          "accelerator-count=2,container-image-uri=host");
  CHECK(pool.machine_type == "n1-standard-4");
  CHECK(pool.replica_count == 3);
  CHECK(pool.accelerator_type == "NVIDIA_L4");
  CHECK(pool.accelerator_count == 2);
  CHECK(pool.container_image_uri == "host");
  CHECK_FALSE(pool.skipped);
  CHECK(parse_pool("")->skipped);
  CHECK(parse_pool("machine-type=a,executor-image-uri=b,python-module=c")->python_module == "c");
}

TEST_CASE("invalid worker pools are rejected in gcloud's words") {
  std::string start = "Invalid value for [--worker-pool-spec]: ";
  CHECK(pool_problem("container-image-uri=x")
        == start + "Key [machine-type] required in dict arg but not provided.");
  CHECK(pool_problem("machine-type=a,accelerator-count=1,container-image-uri=x")
        == start + "Key [accelerator-type] required as [accelerator-count] is specified.");
  CHECK(pool_problem("machine-type=a")
        == start + "Exactly one of keys [executor-image-uri, container-image-uri] is required.");
  CHECK(pool_problem("machine-type=a,container-image-uri=x,executor-image-uri=y")
        == start + "Exactly one of keys [executor-image-uri, container-image-uri] is required.");
  CHECK(pool_problem("machine-type=a,container-image-uri=x,python-module=y")
        == start + "Key [python-module] is not allowed together with key [container-image-uri].");
  CHECK(pool_problem("machine-type=a,executor-image-uri=x")
        == start + "Key [python-module] is required.");
  CHECK(pool_problem("machine-typ=a,container-image-uri=x")
            .find("received: machine-typ (did you mean machine-type?)")
        != std::string::npos);
  CHECK(pool_problem("machine-type=a,container-image-uri=x,replica-count=0")
        == start + "Value of key [replica-count] should be a positive integer; got [0].");
  CHECK(pool_problem("machine-type=a,container-image-uri=x,replica-count=2x").find("got [2x]")
        != std::string::npos);
  CHECK(pool_problem("machine-type=,container-image-uri=x")
        == start + "Key [machine-type] has an empty value.");
  CHECK(parse_pools({"", "machine-type=a,container-image-uri=x"}).error().message
        == start + "Empty value is not allowed for the first `--worker-pool-spec` flag.");
  CHECK((*parse_pools({"machine-type=a,container-image-uri=x", ""}))[1].skipped);
}

TEST_CASE("a duration without a unit is rejected") {
  CHECK(*parse_timeout("--timeout", "90s") == 90'000'000);
  CHECK(*parse_timeout("--timeout", "1h30m") == 5'400'000'000);
  CHECK(*parse_timeout("--timeout", "0.5s") == 500'000);
  CHECK(*parse_timeout("--timeout", "7d") == 604'800'000'000);
  for (auto text : {"", "5", "s", "-5s", "5x", "0s", "1h30", "nans", "1e5s"})
    CHECK(parse_timeout("--timeout", text).error().message
          == fmt::format("Invalid value for [--timeout]: [{}] is not a duration; expected a number "
                         "with a unit, as 90s, 30m, 12h, "
                         "7d or 1h30m.",
                         text));
}
