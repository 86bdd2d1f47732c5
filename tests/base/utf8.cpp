#include "base/utf8.hpp"

#include <doctest/doctest.h>

using namespace troupe;

TEST_CASE("valid UTF-8 is accepted, and overlong forms, surrogates and cut sequences are not") {
  for (std::string_view good :
       {"", "abc", "ä", "€", "😀", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(is_utf8(good));
  for (std::string_view bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("each byte that is not UTF-8, and each NUL, is replaced by U+FFFD") {
  CHECK(valid_utf8("plain \t\x7f") == "plain \t\x7f");
  CHECK(valid_utf8("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80")
        == "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
  CHECK(valid_utf8("a\xff"
                   "b\xc3")
        == "a\xef\xbf\xbd"
           "b\xef\xbf\xbd");
  CHECK(valid_utf8("\xc0\xaf") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(valid_utf8("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(valid_utf8(std::string_view("a\0b", 3))
        == "a\xef\xbf\xbd"
           "b");
}

TEST_CASE("a character is appended in one to four bytes") {
  std::string out;
  for (const uint32_t code : {0x41u, 0xe4u, 0x20acu, 0x1f600u})
    append_utf8(out, code);
  CHECK(out == "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(is_utf8(out));
  for (const uint32_t code : {0x7fu, 0x80u, 0x7ffu, 0x800u, 0xffffu, 0x10000u, 0x10ffffu}) {
    std::string one;
    append_utf8(one, code);
    CAPTURE(code);
    CHECK(utf8_length(one, 0) == one.size());
  }
}
