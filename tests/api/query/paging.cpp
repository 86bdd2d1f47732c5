#include "api/query/paging.hpp"

#include "api/query/sealed_text.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

namespace {

request with_parameters(std::map<std::string, std::string, std::less<>> query) {
  return {.query = std::move(query)};
}

} // namespace

TEST_CASE("a page has 100 items when the client names no size") {
  CHECK(parse_page_size("") == 100);
  CHECK(parse_page_size("0") == 100);
}

TEST_CASE("a page has at most 1000 items") {
  CHECK(parse_page_size("1") == 1);
  CHECK(parse_page_size("1000") == 1000);
  CHECK(parse_page_size("1001") == 1000);
  CHECK(parse_page_size("999999999999") == 1000);
}

TEST_CASE("a page size that is not a whole number from 0 is rejected") {
  for (auto wrong : {"-1", "x", "1.5", "1 ", "99999999999999999999"}) {
    CAPTURE(wrong);
    auto size = parse_page_size(wrong);
    REQUIRE_FALSE(size);
    CHECK(size.error().code == errc::invalid_argument);
    CHECK(size.error().message.starts_with("pageSize: "));
  }
}

TEST_CASE("the first page has no last row") {
  auto page = parse_page(with_parameters({{"pageSize", "7"}}), "p/jobs?");
  REQUIRE(page);
  CHECK(page->size == 7);
  CHECK_FALSE(page->last);
}

TEST_CASE("the next page starts after the row that its token names") {
  auto first = parse_page(with_parameters({}), "p/jobs?");
  auto token = page_token(*first, "00000000000000000042");
  auto next = parse_page(with_parameters({{"pageToken", token}}), "p/jobs?");
  REQUIRE(next);
  CHECK(next->last == 42);
}

TEST_CASE("a token of another list is rejected") {
  auto first = parse_page(with_parameters({}), "p/jobs?");
  auto token = page_token(*first, "42");
  for (auto other : {"p/jobs?state=4", "q/jobs?", "p/studies"}) {
    CAPTURE(other);
    auto next = parse_page(with_parameters({{"pageToken", token}}), other);
    REQUIRE_FALSE(next);
    CHECK(next.error().message.contains("it is of another list"));
  }
}

TEST_CASE("a token without a position is rejected") {
  auto head = fmt::format("list {:016x} ", fingerprint("p/jobs?"));
  for (auto position : {"", "0", "x", "-7"}) {
    CAPTURE(position);
    auto next = parse_page(with_parameters({{"pageToken", seal(head + position)}}), "p/jobs?");
    REQUIRE_FALSE(next);
    CHECK(next.error().message.contains("it holds no position"));
  }
  CHECK(parse_page(with_parameters({{"pageToken", seal(head + "7")}}), "p/jobs?"));
}

} // namespace troupe::api::test
