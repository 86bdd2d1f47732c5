#include "base/json_text.hpp"

#include <doctest/doctest.h>

using namespace troupe;

TEST_CASE("a JSON string escapes quotes, backslashes and control characters, and nothing else") {
  CHECK(json_quoted("") == R"("")");
  CHECK(json_quoted("a\"b\\c/d") == R"("a\"b\\c/d")");
  CHECK(json_quoted("\n\r\t\b\x01\x7f") == R"("\n\r\t\u0008\u0001\u007f")");
  CHECK(json_quoted(std::string_view("\0", 1)) == R"("\u0000")");
  CHECK(json_quoted("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")
        == "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD in a JSON string") {
  CHECK(json_quoted("a\xff") == "\"a\xef\xbf\xbd\"");
  CHECK(json_quoted("\xc3") == "\"\xef\xbf\xbd\"");
}

TEST_CASE("a JSON string is appended to what is there") {
  std::string out = "x:";
  append_json_quoted(out, "y");
  CHECK(out == "x:\"y\"");
}
