#include "api/query/severity.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

TEST_CASE("a severity has one canonical name, however it is written") {
  CHECK(severity_name("warn") == "WARNING");
  CHECK(severity_name("Error") == "ERROR");
  CHECK(severity_name("500") == "ERROR");
  CHECK(severity_name("panic") == "EMERGENCY");
}

TEST_CASE("a text that is not a severity has the name DEFAULT and no number") {
  CHECK(severity_name("loud") == "DEFAULT");
  CHECK(severity_name("550") == "DEFAULT");
  CHECK_FALSE(severity_number("loud"));
  CHECK_FALSE(severity_number("-1"));
  CHECK_FALSE(severity_number("801"));
  CHECK_FALSE(severity_number("5x"));
}

TEST_CASE("severities have the order of their numbers") {
  CHECK(severity_number("FATAL") == 600);
  CHECK(severity_number("550") == 550);
  std::optional<int64_t> before = -1;
  for (auto name : {"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT",
                    "EMERGENCY"}) {
    CAPTURE(name);
    CHECK(severity_number(name) > before);
    CHECK(severity_name(name) == name);
    before = severity_number(name);
  }
}

} // namespace troupe::api::test
