#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE("following a path through a missing field gives an empty value") {
  auto answer = document(R"({"a":{"b":[1,"x",true,null]}})");
  CHECK(answer["a"]["b"].items().size() == 4);
  CHECK(answer["a"]["b"].items()[1].text() == "x");
  CHECK(!answer["a"]["b"].items()[3]);
  CHECK(!answer["q"]["w"]["e"]);
  CHECK(answer["q"]["w"].text().empty());
  CHECK(answer["q"].items().empty());
  CHECK(answer["a"]["b"]["c"].integer(7) == 7);
}

TEST_CASE("an int64 keeps all its digits, and a number may be a string") {
  auto answer =
      document(R"({"id":"1000000000000000001","n":3,"nan":"NaN","inf":"-Infinity","x":"1x"})");
  CHECK(answer["id"].integer() == 1000000000000000001);
  CHECK(answer["n"].integer() == 3);
  CHECK(std::isnan(*answer["nan"].number()));
  CHECK(*answer["inf"].number() == -HUGE_VAL);
  CHECK(!answer["x"].number());
  CHECK(answer["x"].integer(-1) == -1);
}

TEST_CASE("JSON is printed with indentation or on one line") {
  auto answer = document(R"({"a":[1,2.5,{}],"b":"q\"\u0001é","c":[],"d":null})");
  CHECK(answer.root().compact() == R"({"a":[1,2.5,{}],"b":"q\"\u0001é","c":[],"d":null})");
  CHECK(answer.root().pretty()
        == "{\n  \"a\": [\n    1,\n    2.5,\n    {}\n  ],\n  \"b\": \"q\\\"\\u0001é\",\n  \"c\": "
           "[],\n  \"d\": null\n}");
}

TEST_CASE("a text that is not JSON is rejected") {
  for (auto text : {"", "{", "<html>", "{\"a\":1}}", "nope"}) {
    auto parsed = json_document::parse(text);
    REQUIRE(!parsed);
    CHECK(parsed.error().code == errc::data_loss);
  }
  CHECK(!json_document::parse(std::string(10'000, '[')));
}
