#include "api/query/json_writer.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

TEST_CASE("a key or text is valid JSON, whatever its bytes are") {
  json_writer out;
  out.begin_object().member("a\"b", "c\\\n\t\x01").member("\xc3\xa9", "a\xff").end_object();
  CHECK(out.take() == "{\"a\\\"b\":\"c\\\\\\n\\t\\u0001\",\"\xc3\xa9\":\"a\xef\xbf\xbd\"}");
}

TEST_CASE("commas stand between members and items, and nowhere else") {
  json_writer out;
  out.begin_object().member("a", 1).key("b").begin_array();
  out.value("x").value(true).begin_object().end_object().end_array();
  out.key("c").begin_array().end_array().member("d", "e").end_object();
  CHECK(out.take() == R"({"a":1,"b":["x",true,{}],"c":[],"d":"e"})");
}

TEST_CASE("text that is already JSON is an item like another") {
  json_writer out;
  out.begin_array().raw("{}").raw("[1]").value(2).end_array();
  CHECK(out.take() == "[{},[1],2]");
}

TEST_CASE("a parsed value is written as it was read, without the omitted member") {
  auto tree = wire::parse_json(R"({"a":[1,2.50,null,true],"b":{"c":"d","e":2},"e":1})", "test");
  json_writer out;
  out.value(*tree, "e");
  CHECK(out.take() == R"({"a":[1,2.50,null,true],"b":{"c":"d","e":2}})");
}

} // namespace troupe::api::test
