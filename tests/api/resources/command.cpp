#include "api/resources/command.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

namespace {

request with_body(std::string body) { return {.body = std::move(body)}; }

} // namespace

TEST_CASE("a command names the project and location of its path") {
  auto command = command_for({"p", "l"}, [](auto filled) { filled.setCancelCustomJob(7); });
  CHECK(wire::view(command->getProject()) == "p");
  CHECK(wire::view(command->getLocation()) == "l");
  CHECK(command->getCancelCustomJob() == 7);
}

TEST_CASE("a new resource needs one project and one location") {
  CHECK(check_one_location({"p", "l"}, "a job"));
  for (const project_location& several :
       {project_location{"-", "l"}, project_location{"p", "-"}, project_location{"-", "-"}}) {
    auto checked = check_one_location(several, "a job");
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::invalid_argument);
    CHECK(checked.error().message.starts_with("a job is created in one project"));
  }
}

TEST_CASE("a body that was left out is an empty object") {
  for (auto blank : {"", " ", "\r\n\t"})
    CHECK(body_or_empty(with_body(blank)) == "{}");
  CHECK(body_or_empty(with_body(" [1]")) == " [1]");
}

TEST_CASE("a method without fields accepts nothing or an empty object") {
  for (auto good : {"", "{}", " { } "})
    CHECK(check_no_fields(with_body(good)));
  for (auto wrong : {"[]", "5", "{", R"({"why": "so"})"}) {
    CAPTURE(wrong);
    auto checked = check_no_fields(with_body(wrong));
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::invalid_argument);
  }
  CHECK(check_no_fields(with_body(R"({"why": "so"})")).error().message.contains("why"));
}

} // namespace troupe::api::test
