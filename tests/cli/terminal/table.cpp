#include "cli/terminal/table.hpp"

#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>

using namespace troupe::cli;

TEST_CASE("the width of a text is counted as a terminal shows it") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("é") == 1);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("模型") == 4);
  CHECK(display_width("🚀") == 2);
  CHECK(display_width("\x1b[32mok\x1b[0m") == 2);
  CHECK(display_width("\xff\xfe") == 2);
  CHECK(display_width("\xe6\xa8") == 2); // cut in the middle of a character
}

TEST_CASE("cutting a text keeps whole characters and closes colours") {
  CHECK(truncated("abcdef", 6) == "abcdef");
  CHECK(truncated("abcdef", 4) == "abc…");
  CHECK(truncated("模型模型", 4) == "模…");
  CHECK(truncated("\x1b[31mabcdef\x1b[0m", 3) == "\x1b[31mab…\x1b[0m");
  CHECK(truncated("abc", 0).empty());
}

TEST_CASE("control characters are removed from text that users or jobs wrote") {
  CHECK(printable("a\x1b[2Jb\tc\n") == "a\uFFFD[2Jb c\uFFFD");
  CHECK(printable("\xc2\x9b"
                  "1m")
        == "\uFFFD1m");
  CHECK(printable("naïve 模") == "naïve 模");
}

TEST_CASE("columns fit their widest cell") {
  table jobs({{"ID"}, {"NAME", align::left, 5}, {"N", align::right}});
  CHECK(jobs.empty());
  jobs.add({"1", "模型", "10"});
  jobs.add({"22", "toolongname", "9"});
  jobs.add({"333"});
  CHECK(joined(jobs.lines("  "))
        == "  ID   NAME    N\n"
           "  1    模型   10\n"
           "  22   tool…   9\n"
           "  333\n");
}

TEST_CASE("colours do not change the width of columns") {
  table states({{"STATE"}, {"X"}});
  states.add({"\x1b[32mOK\x1b[0m", "1"});
  states.add({"FAILED", "2"});
  CHECK(joined(states.lines()) == "STATE   X\n\x1b[32mOK\x1b[0m      1\nFAILED  2\n");
}
