#include "api/query/message.hpp"

#include "api/logs/log_position.hpp"
#include "api/query/json_writer.hpp"
#include "api/query/sealed_text.hpp"
#include "base/json_text.hpp"

#include <doctest.h>

namespace troupe::api::test {

TEST_CASE("request targets are split and decoded") {
  auto asked =
      parse_target(method::get, "/v1/projects/a%20b/x%2Fy/7:cancel?page_size=3&f=a+b%26&x");
  REQUIRE(asked);
  CHECK(asked->path == std::vector<std::string>{"v1", "projects", "a b", "x/y", "7"});
  CHECK(asked->action == "cancel");
  CHECK(asked->parameter("pageSize") == "3");
  CHECK(asked->parameter("f") == "a b&");
  CHECK(asked->parameter("x").empty());
  CHECK(parse_target(method::get, "http://host:1/v1/a?b=c")->path
        == std::vector<std::string>{"v1", "a"});
  CHECK(parse_target(method::get, "//a/")->path == std::vector<std::string>{"", "a", ""});
  CHECK(parse_target(method::get, "*")->path == std::vector<std::string>{"*"});
  for (auto broken : {"/a%", "/a%2", "/a%zz", "/a%00", "/a?b=%0"}) {
    CAPTURE(broken);
    CHECK_FALSE(parse_target(method::get, broken));
  }
}

TEST_CASE("any text becomes valid JSON") {
  CHECK(json_quoted("a\"b\\c\n\t\x01") == "\"a\\\"b\\\\c\\n\\t\\u0001\"");
  CHECK(json_quoted("\xc3\xa9") == "\"\xc3\xa9\"");
  CHECK(json_quoted("a\xff") == "\"a\xef\xbf\xbd\"");
  auto tree = wire::parse_json(R"({"a":[1,2.50,null,true],"b":{"c":"d"},"e":1})", "test");
  json_writer out;
  out.value(*tree, "e");
  CHECK(out.take() == R"({"a":[1,2.50,null,true],"b":{"c":"d"}})");
}

TEST_CASE("a sealed text opens, a changed one does not") {
  for (auto text : {"", "a", "ab", "abc", "list 5\n\xff"})
    CHECK(unseal(seal(text)) == text);
  auto token = seal("some position");
  for (size_t at = 0; at < token.size(); ++at) {
    auto changed = token;
    changed[at] = changed[at] == 'x' ? 'y' : 'x';
    CHECK_FALSE(unseal(changed));
  }
  CHECK_FALSE(unseal("="));
  CHECK_FALSE(unseal(token.substr(0, token.size() - 1)));
}

TEST_CASE("log positions survive the journey") {
  log_position position;
  position.jobs[7] = {.service_next = 3, .offsets = {{"1/workerpool0-0/0", 99}}};
  position.jobs[8] = {.finished = true, .offsets = {}};
  position.silent_nodes = {"n1"};
  CHECK(position_of(token_of(position, "f"), "f") == position);
  CHECK_FALSE(position_of(token_of(position, "f"), "g"));
  CHECK_FALSE(position_of(seal("logs 1"), "f"));
}

} // namespace troupe::api::test
