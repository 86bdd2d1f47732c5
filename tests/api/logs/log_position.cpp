#include "api/logs/log_position.hpp"

#include "api/query/sealed_text.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

TEST_CASE("a token holds the whole position") {
  log_position position;
  position.jobs[7] = {.service_next = 3,
                      .offsets = {{"1/workerpool0-0/0", 99}, {"2/workerpool1-3/1", 5}}};
  position.jobs[8] = {.finished = true, .offsets = {}};
  position.silent_nodes = {"n1", "n2"};
  CHECK(position_of(token_of(position, "f"), "f") == position);
  CHECK(position_of(token_of({}, "f"), "f") == log_position{});
}

TEST_CASE("a token of another filter is rejected") {
  auto position = position_of(token_of({}, "f"), "g");
  REQUIRE_FALSE(position);
  CHECK(position.error().code == errc::invalid_argument);
  CHECK(position.error().message.contains("another request"));
}

TEST_CASE("a token with other content is rejected") {
  CHECK_FALSE(position_of(seal("logs 1"), "f"));
  auto head = fmt::format("logs {:016x}\n", fingerprint("f"));
  for (auto lines : {"j x", "j 7", "j 7 0 0\nr x", "j 7 0 0\nr 5", "n"}) {
    CAPTURE(lines);
    CHECK_FALSE(position_of(seal(head + lines), "f"));
  }
  CHECK(position_of(seal(head + "j 7 0 0\nr 5 1/workerpool0-0/0\nn n1\n"), "f"));
}

} // namespace troupe::api::test
