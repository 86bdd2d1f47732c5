#include "api/query/message.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

TEST_CASE("a request target is split into decoded segments, action and parameters") {
  auto request =
      parse_target(method::get, "/v1/projects/a%20b/x%2Fy/7:cancel?page_size=3&f=a+b%26&x");
  REQUIRE(request);
  CHECK(request->path == std::vector<std::string>{"v1", "projects", "a b", "x/y", "7"});
  CHECK(request->action == "cancel");
  CHECK(request->parameter("pageSize") == "3");
  CHECK(request->parameter("f") == "a b&");
  CHECK(request->parameter("x").empty());
}

TEST_CASE("a plus is a space in the query and a plus in the path") {
  auto request = parse_target(method::get, "/a+b?c=d+e");
  REQUIRE(request);
  CHECK(request->path == std::vector<std::string>{"a+b"});
  CHECK(request->parameter("c") == "d e");
}

TEST_CASE("of a parameter that is given twice the last one counts") {
  CHECK(parse_target(method::get, "/a?page_size=1&pageSize=2")->parameter("pageSize") == "2");
}

TEST_CASE("a target in absolute form means its path") {
  CHECK(parse_target(method::get, "http://host:1/v1/a?b=c")->path
        == std::vector<std::string>{"v1", "a"});
  CHECK(parse_target(method::get, "https://host")->path == std::vector<std::string>{""});
}

TEST_CASE("unusual targets keep their segments") {
  CHECK(parse_target(method::get, "//a/")->path == std::vector<std::string>{"", "a", ""});
  CHECK(parse_target(method::get, "*")->path == std::vector<std::string>{"*"});
}

TEST_CASE("a broken escape or a NUL in a target is rejected") {
  for (auto broken : {"/a%", "/a%2", "/a%zz", "/a%00", "/a?b=%0"}) {
    CAPTURE(broken);
    auto request = parse_target(method::get, broken);
    REQUIRE_FALSE(request);
    CHECK(request.error().code == errc::invalid_argument);
  }
}

TEST_CASE("a client chooses numbers for enums and indentation") {
  auto options = [](std::string_view target) { return parse_target(method::get, target)->json(); };
  CHECK(options("/a").enums != wire::enum_style::numbers);
  CHECK(options("/a?$alt=json;enum-encoding=int").enums == wire::enum_style::numbers);
  CHECK(options("/a?alt=json;enum-encoding=int").enums == wire::enum_style::numbers);
  CHECK_FALSE(options("/a?$prettyPrint=false").pretty);
  CHECK(options("/a?prettyPrint=true").pretty);
}

TEST_CASE("each error code has the HTTP status that Google's APIs give it") {
  for (auto [code, status] : {std::pair(errc::cancelled, 499),
                              {errc::unknown, 500},
                              {errc::invalid_argument, 400},
                              {errc::deadline_exceeded, 504},
                              {errc::not_found, 404},
                              {errc::already_exists, 409},
                              {errc::permission_denied, 403},
                              {errc::resource_exhausted, 429},
                              {errc::failed_precondition, 400},
                              {errc::aborted, 409},
                              {errc::out_of_range, 400},
                              {errc::unimplemented, 501},
                              {errc::internal, 500},
                              {errc::unavailable, 503},
                              {errc::data_loss, 500},
                              {errc::unauthenticated, 401}}) {
    CAPTURE(name_of(code));
    CHECK(http_status(code) == status);
  }
}

TEST_CASE("an error's response is a google.rpc.Status") {
  auto response = error_response({errc::not_found, "no \"x\""});
  CHECK(response.status == 404);
  CHECK(response.body == R"({"error":{"code":404,"message":"no \"x\"","status":"NOT_FOUND"}})");
  CHECK(error_response(413, {errc::resource_exhausted, "big"}).status == 413);
  CHECK(reason_phrase(404) == "Not Found");
}

TEST_CASE("a result becomes its JSON or its error's response") {
  auto good = respond(result<std::string>("{}"));
  CHECK(good.status == 200);
  CHECK(good.body == "{}");
  CHECK(good.content_type == "application/json; charset=utf-8");
  CHECK(respond(fail(errc::aborted, "again")).status == 409);
}

} // namespace troupe::api::test
