#include "base/text.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe;

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

TEST_CASE("shown text fits one line: control characters are escaped and long texts are cut") {
  CHECK(shown("a\nb\x7f\xff") == "a\\x0ab\\x7f\\xff");
  CHECK(shown(std::string(61, 'x')) == std::string(60, 'x') + "...");
}
