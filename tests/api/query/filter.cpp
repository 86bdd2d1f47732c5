#include "api/query/filter.hpp"

#include "tests/api/filter_sample.hpp"

namespace troupe::api::test {

namespace {

/// A schema with one field of each type; the field's name says its type.
std::optional<field_type> type_of(const field_path& path) {
  if (path[0] == "text") return field_type::text;
  if (path[0] == "keys") return path.size() == 1 ? field_type::keys : field_type::text;
  if (path[0] == "time") return field_type::timestamp;
  if (path[0] == "state") return field_type::job_state;
  if (path[0] == "severity") return field_type::severity;
  if (path[0] == "flag") return field_type::boolean;
  return std::nullopt;
}

bool matches_row(std::string_view text, const filter::row& row) {
  auto wanted = filter::parse(text, type_of, "text, keys, time, state, severity, flag");
  REQUIRE_MESSAGE(wanted.has_value(), text << ": " << (wanted ? "" : wanted.error().message));
  return wanted->matches(row);
}

/// Whether the filter matches a row that has these values in every field.
bool matches_texts(std::string_view text, const std::vector<std::string>& values) {
  return matches_row(text, [&](const field_path&) { return field_values{.texts = values}; });
}
bool matches_number(std::string_view text, int64_t value) {
  return matches_row(text, [&](const field_path&) { return field_values{.numbers = {value}}; });
}

} // namespace

TEST_CASE("a text is equal byte for byte, and only the colon knows wildcards") {
  CHECK(takes(R"(display_name="my_job 1 \"quoted\"")"));
  CHECK(takes(R"(displayName = 'my_job 1 "quoted"')"));
  CHECK_FALSE(takes(R"(display_name="my_job*")"));
  CHECK(takes(R"(display_name:"my_job*")"));
  CHECK(takes(R"(display_name:"*job*quoted*")"));
  CHECK(takes(R"(display_name:job)"));
  CHECK_FALSE(takes(R"(display_name:"job*")"));
  CHECK(takes(R"(display_name!="other")"));
  CHECK(takes(R"(display_name:*)"));
  CHECK(takes(R"(name=projects/p/locations/l/customJobs/7)"));
}

TEST_CASE("each operator orders numbers as it is written") {
  for (auto [text, below, equal, above] : {std::tuple("severity=300", false, true, false),
                                           {"severity!=300", true, false, true},
                                           {"severity<300", true, false, false},
                                           {"severity<=300", true, true, false},
                                           {"severity>300", false, false, true},
                                           {"severity>=300", false, true, true}}) {
    CAPTURE(text);
    CHECK(matches_number(text, 200) == below);
    CHECK(matches_number(text, 300) == equal);
    CHECK(matches_number(text, 400) == above);
  }
}

TEST_CASE("texts are ordered by bytes") {
  CHECK(matches_texts("text<b", {"a"}));
  CHECK_FALSE(matches_texts("text<b", {"b"}));
  CHECK(matches_texts("text>10", {"9"}));
  CHECK(matches_texts("text>=Z", {"a"}));
}

TEST_CASE("a field with several values matches if one of them does") {
  CHECK(matches_texts("text=b", {"a", "b"}));
  CHECK_FALSE(matches_texts("text=c", {"a", "b"}));
  // Not equal is the opposite of equal: no value may be equal.
  CHECK_FALSE(matches_texts("text!=b", {"a", "b"}));
  CHECK(matches_texts("text!=c", {"a", "b"}));
}

TEST_CASE("an absent field matches only what is not equal") {
  CHECK_FALSE(matches_texts("text=a", {}));
  CHECK_FALSE(matches_texts("text:*", {}));
  CHECK_FALSE(matches_texts("severity>=0", {}));
  CHECK(matches_texts("text!=a", {}));
  CHECK(matches_texts("NOT text:*", {}));
}

TEST_CASE("keys match whole or by a glob, never by a part") {
  CHECK(matches_texts("keys:team", {"team"}));
  CHECK(matches_texts("keys:te*", {"team"}));
  CHECK_FALSE(matches_texts("keys:tea", {"team"}));
}

TEST_CASE("a boolean field compares with true and false") {
  CHECK(matches_number("flag=true", 1));
  CHECK_FALSE(matches_number("flag=true", 0));
  CHECK(matches_number("flag:false", 0));
  CHECK(matches_number("flag!=false", 1));
}

TEST_CASE("a filter that was not parsed matches every row") {
  CHECK(filter().matches([](const field_path&) { return field_values{}; }));
}

TEST_CASE("required values are those that every match must have") {
  auto required = [](std::string_view text) {
    auto wanted = job_filter(text);
    REQUIRE(wanted);
    return wanted->required({"display_name"});
  };
  using texts = std::vector<std::string>;
  CHECK(required("state=4 AND (display_name=\"7\" AND state=4)") == texts{"7"});
  CHECK(required("display_name=7 AND display_name=8") == texts{"7", "8"});
  CHECK(required("state=4 OR display_name=7").empty());
  CHECK(required("NOT display_name=7").empty());
  CHECK(required("display_name:7").empty());
  CHECK(required("display_name!=7").empty());
}

TEST_CASE("a star in a glob stands for any run of bytes") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("a*b*c", "a__b__b__c"));
  CHECK_FALSE(glob_matches("a*b*c", "a__b__b__"));
  CHECK(glob_matches("", ""));
  CHECK_FALSE(glob_matches("", "a"));
  CHECK(glob_matches("**a", "bca"));
  CHECK_FALSE(glob_matches("a", "ab"));
}

} // namespace troupe::api::test
