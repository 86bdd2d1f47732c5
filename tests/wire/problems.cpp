#include "wire/problems.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::wire;

TEST_CASE("a problem reads as one line and leaves out what it does not know") {
  CHECK(problem{"c.yaml:3:5", "api.lisen", "unknown key", "", "listen"}.text()
        == "c.yaml:3:5: api.lisen: unknown key; did you mean listen?");
  CHECK(problem{"", "a", "got 5", "a size such as 64GiB", ""}.text()
        == "a: got 5; expected a size such as 64GiB");
  CHECK(problem{"f:1:1", "", "empty", "", ""}.text() == "f:1:1: empty");
}

TEST_CASE("the closest name is suggested, and none when all are far") {
  const std::vector<std::string> names{"imageUri", "command", "args", "displayName"};
  CHECK(closest("imageUrl", names) == "imageUri");
  CHECK(closest("comand", names) == "command");
  CHECK(closest("agrs", names) == "args");
  CHECK(closest("display_name", names) == "displayName");
  CHECK(closest("DISPLAYNAME", names) == "displayName");
  CHECK(closest("timeout", names) == std::nullopt);
  CHECK(closest("", names) == std::nullopt);
  CHECK(closest(std::string(10000, 'a'), names) == std::nullopt);
}

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (std::string_view good :
       {"", "abc", "ä", "€", "😀", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(is_utf8(good));
  for (std::string_view bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("what is shown fits one line") {
  CHECK(shown("a\nb\x7f\xff") == "a\\x0ab\\x7f\\xff");
  CHECK(shown(std::string(61, 'x')) == std::string(60, 'x') + "...");
}
