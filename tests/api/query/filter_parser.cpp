#include "api/query/filter_parser.hpp"

#include "tests/api/filter_sample.hpp"

namespace troupe::api::test {

TEST_CASE("an empty filter matches everything") {
  CHECK(takes(""));
  CHECK(takes("  "));
}

TEST_CASE("operators bind as in AIP-160") {
  CHECK(takes("state=4 AND labels.team=nlp"));
  CHECK(takes("state=4 labels.team=nlp"));
  CHECK_FALSE(takes("state=4 labels.team=vision"));
  // OR binds tighter than AND: false AND (true OR true).
  CHECK_FALSE(takes("state=3 AND state=4 OR labels.team=nlp"));
  CHECK(takes("(state=3 AND state=4) OR labels.team=nlp"));
  CHECK(takes("-state=3"));
  CHECK(takes("NOT (state=3 OR labels.team=vision)"));
  CHECK_FALSE(takes("NOT(state=3 OR labels.team=nlp)"));
  CHECK(takes("((((state=4))))"));
  CHECK(takes("\tstate\n=\r4 "));
}

TEST_CASE("a list of values repeats the comparison for each of them") {
  CHECK(takes("state=(JOB_STATE_FAILED OR JOB_STATE_SUCCEEDED)"));
  CHECK_FALSE(takes("state:(3 OR 5)"));
  CHECK(takes("display_name:(my AND job)"));
  CHECK_FALSE(takes("display_name:(my AND yours)"));
}

TEST_CASE("a word that begins with an operator's name is a field") {
  auto texts = [](const field_path&) { return std::optional(field_type::text); };
  auto parsed = parse_filter("ANDROID=1", texts, "anything");
  REQUIRE(parsed);
  CHECK(parsed->is == filter::node::kind::comparison);
  CHECK(parsed->field == field_path{"ANDROID"});
}

TEST_CASE("a filter is a tree of terms") {
  auto texts = [](const field_path&) { return std::optional(field_type::text); };
  auto parsed = parse_filter("a=1 AND NOT (b:2 OR c.d>=3)", texts, "anything");
  REQUIRE(parsed);
  using kind = filter::node::kind;
  CHECK(parsed->is == kind::conjunction);
  REQUIRE(parsed->children.size() == 2);
  CHECK(parsed->children[0].text == "1");
  CHECK(parsed->children[1].is == kind::negation);
  const auto& choices = parsed->children[1].children.at(0);
  CHECK(choices.is == kind::disjunction);
  REQUIRE(choices.children.size() == 2);
  CHECK(choices.children[0].compare == comparator::has);
  CHECK(choices.children[1].field == field_path{"c", "d"});
  CHECK(choices.children[1].compare == comparator::greater_equal);
}

TEST_CASE("an invalid filter is rejected with the position of the fault") {
  CHECK(refusal("colour=red").contains("position 1"));
  CHECK(refusal("colour=red").contains("display_name"));
  CHECK(refusal("state=4 AND colour=red").contains("position 13"));
  CHECK(refusal("state=JOB_STATE_BROKEN").contains("position 7"));
  CHECK(refusal("state=99").contains("JOB_STATE_RUNNING"));
  CHECK(refusal("state>3").contains("position 6"));
  CHECK(refusal("create_time>yesterday").contains("RFC 3339"));
  CHECK(refusal("create_time:2026-01-01").contains("position 12"));
  CHECK(refusal("labels=team").contains("':'"));
  CHECK(refusal("display_name=\"open").contains("closing quote"));
  CHECK(refusal("state=").contains("a value"));
  CHECK(refusal("state").contains("after a field"));
  CHECK(refusal("=4").contains("field name"));
  CHECK(refusal("(state=4").contains("')'"));
  CHECK(refusal("state=4)").contains("position 8"));
  CHECK(refusal("state=4 AND").contains("field name"));
  CHECK(refusal("state=(3 OR 4 AND 5)").contains("either only OR or only AND"));
  CHECK(refusal("display_name.x=1").contains("display_name.x"));
}

TEST_CASE("a filter that is too long or nested too deep is rejected") {
  CHECK(refusal(std::string(100, '(') + "state=4" + std::string(100, ')')).contains("nesting"));
  CHECK(refusal(std::string(20'000, 'x')).contains("bytes"));
  auto nested = [](size_t depth) {
    return std::string(depth, '(') + "state=4" + std::string(depth, ')');
  };
  CHECK(takes(nested(filter_nesting_max - 1)));
  CHECK(refusal(nested(filter_nesting_max)).contains("nesting"));
}

} // namespace troupe::api::test
