#include "cli/terminal/suggest.hpp"

#include <doctest/doctest.h>

using namespace troupe::cli;

TEST_CASE("a misspelt word finds the known one, and an unrelated word finds none") {
  std::vector<std::string> commands = {"list",   "describe",    "cancel",
                                       "delete", "stream-logs", "create"};
  CHECK(nearest("lst", commands) == "list");
  CHECK(nearest("lits", commands) == "list");
  CHECK(nearest("desc", commands) == "describe");
  CHECK(nearest("stream-log", commands) == "stream-logs");
  CHECK(nearest("detele", commands) == "delete");
  CHECK_FALSE(nearest("xyzzy", commands));
  CHECK_FALSE(nearest("q", commands));
  CHECK_FALSE(nearest("list", {}));
}
