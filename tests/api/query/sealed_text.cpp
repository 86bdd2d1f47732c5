#include "api/query/sealed_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>

namespace troupe::api::test {

TEST_CASE("a sealed text opens to what it was") {
  for (auto text : {"", "a", "ab", "abc", "list 5\n\xff"})
    CHECK(unseal(seal(text)) == text);
}

TEST_CASE("a token can stand in a URL without escapes") {
  auto token = seal("\xff\xfe\xfd?&=/+ list");
  CHECK(std::ranges::all_of(
      token, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; }));
}

TEST_CASE("a token with one changed character is rejected") {
  auto token = seal("some position");
  for (size_t at = 0; at < token.size(); ++at) {
    auto changed = token;
    changed[at] = changed[at] == 'x' ? 'y' : 'x';
    CHECK_FALSE(unseal(changed));
  }
}

TEST_CASE("a token has one spelling, although its last character has bits to spare") {
  for (auto text : {"a", "ab", "abc"}) {
    auto token = seal(text);
    int spellings = 0;
    for (char c :
         std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
      spellings += unseal(token.substr(0, token.size() - 1) + c).has_value();
    CHECK(spellings == 1);
  }
}

TEST_CASE("a token that was cut, extended or invented is rejected") {
  auto token = seal("some position");
  for (auto wrong : {std::string("="), std::string(), std::string("garbage"),
                     token.substr(0, token.size() - 1), token.substr(1), token + "A"}) {
    CAPTURE(wrong);
    auto text = unseal(wrong);
    REQUIRE_FALSE(text);
    CHECK(text.error().code == errc::invalid_argument);
  }
}

TEST_CASE("different texts have different fingerprints") {
  CHECK(fingerprint("a") == fingerprint("a"));
  CHECK(fingerprint("ab") != fingerprint("ba"));
  CHECK(fingerprint("") == 0xcbf29ce484222325); // FNV-1a's start: tokens stay valid over versions
}

} // namespace troupe::api::test
