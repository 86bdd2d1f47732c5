#include "api/query/filter.hpp"

#include "api/query/rfc3339.hpp"
#include "api/query/severity.hpp"
#include "api/resources/job_filter.hpp"
#include "wire/frame.hpp"

#include <doctest.h>

namespace troupe::api::test {

namespace {

wire::frame<wire::CustomJob> sample() {
  return wire::frame<wire::CustomJob>::build([](wire::CustomJob::Builder job) {
    job.setName("projects/p/locations/l/customJobs/7");
    job.setDisplayName("my_job 1 \"quoted\"");
    job.setState(wire::JobState::SUCCEEDED);
    job.initCreateTime().setMicros(*nanos_of_rfc3339("2026-05-18T12:00:00.5Z") / 1000);
    auto labels = job.initLabels().initEntries(2);
    labels[0].setKey("team");
    labels[0].setValue("nlp");
    labels[1].setKey("aiplatform.googleapis.com/run");
    labels[1].setValue("9");
  });
}

bool takes(std::string_view text) {
  auto wanted = job_filter(text);
  REQUIRE_MESSAGE(wanted.has_value(), text << ": " << (wanted ? "" : wanted.error().message));
  return matches(*wanted, *sample());
}

std::string refusal(std::string_view text) {
  auto wanted = job_filter(text);
  REQUIRE_FALSE_MESSAGE(wanted.has_value(), text);
  CHECK(wanted.error().code == errc::invalid_argument);
  return wanted.error().message;
}

} // namespace

TEST_CASE("comparisons of texts") {
  CHECK(takes(R"(display_name="my_job 1 \"quoted\"")"));
  CHECK(takes(R"(displayName = 'my_job 1 "quoted"')"));
  CHECK_FALSE(takes(R"(display_name="my_job*")")); // only `:` knows wildcards
  CHECK(takes(R"(display_name:"my_job*")"));
  CHECK(takes(R"(display_name:"*job*quoted*")"));
  CHECK(takes(R"(display_name:job)"));
  CHECK_FALSE(takes(R"(display_name:"job*")"));
  CHECK(takes(R"(display_name!="other")"));
  CHECK(takes(R"(display_name:*)"));
  CHECK(takes(R"(name=projects/p/locations/l/customJobs/7)"));
}

TEST_CASE("comparisons of states") {
  CHECK(takes(R"(state="JOB_STATE_SUCCEEDED")"));
  CHECK(takes("state=JOB_STATE_SUCCEEDED"));
  CHECK(takes("state=4"));
  CHECK(takes("state!=JOB_STATE_RUNNING"));
  CHECK_FALSE(takes("state=3"));
  CHECK(takes("state=(JOB_STATE_FAILED OR JOB_STATE_SUCCEEDED)"));
  CHECK_FALSE(takes("state:(3 OR 5)"));
}

TEST_CASE("comparisons of times") {
  CHECK(takes(R"(create_time>"2026-05-18T00:00:00Z")"));
  CHECK(takes(R"(createTime<="2026-05-18T12:00:00.5Z")"));
  CHECK(takes(R"(create_time=2026-05-18T14:00:00.500+02:00)"));
  CHECK_FALSE(takes(R"(create_time<"2026-05-18T12:00:00.5Z")"));
  CHECK(takes(R"(create_time>=2026-05-18)"));
  CHECK_FALSE(takes(R"(end_time>"1970-01-01T00:00:00Z")")); // not set
  CHECK(takes(R"(end_time!="1970-01-01T00:00:00Z")"));
}

TEST_CASE("labels") {
  CHECK(takes("labels.team=nlp"));
  CHECK(takes("labels.team:*"));
  CHECK(takes("labels:team"));
  CHECK_FALSE(takes("labels:tea"));
  CHECK_FALSE(takes("labels.colour:*"));
  CHECK(takes("NOT labels.colour:*"));
  CHECK(takes("labels.colour!=red"));
  CHECK(takes("labels.aiplatform.googleapis.com/run=9"));
  CHECK(takes(R"(labels."aiplatform.googleapis.com/run"=9)"));
}

TEST_CASE("operators bind as AIP-160 says") {
  CHECK(takes(""));
  CHECK(takes("  "));
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

TEST_CASE("what a filter cannot mean is refused with its position") {
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
  CHECK(refusal(std::string(100, '(') + "state=4" + std::string(100, ')')).contains("nesting"));
  CHECK(refusal(std::string(20'000, 'x')).contains("bytes"));
}

TEST_CASE("what every match must have is known") {
  auto id = [](std::string_view text) { return job_filter(text)->required({"display_name"}); };
  CHECK(id("state=4 AND (display_name=\"7\" AND state=4)") == std::vector<std::string>{"7"});
  CHECK(id("state=4 OR display_name=7").empty());
  CHECK(id("NOT display_name=7").empty());
  CHECK(id("display_name:7").empty());
}

TEST_CASE("globs") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("a*b*c", "a__b__b__c"));
  CHECK_FALSE(glob_matches("a*b*c", "a__b__b__"));
  CHECK(glob_matches("", ""));
  CHECK_FALSE(glob_matches("", "a"));
  CHECK(glob_matches("**a", "bca"));
}

TEST_CASE("times in RFC 3339") {
  CHECK(nanos_of_rfc3339("1970-01-01T00:00:00Z") == 0);
  CHECK(nanos_of_rfc3339("1970-01-01t00:00:01.000000001z") == 1'000'000'001);
  CHECK(nanos_of_rfc3339("1970-01-01T01:00:00+01:00") == 0);
  CHECK(nanos_of_rfc3339("1969-12-31T23:59:59.5Z") == -500'000'000);
  for (auto wrong : {"", "2026", "2026-02-30", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00",
                     "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "0001-01-01T00:00:00Z"}) {
    CAPTURE(wrong);
    CHECK_FALSE(nanos_of_rfc3339(wrong));
  }
  for (auto text : {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.120Z",
                    "1969-12-31T23:59:59.000001Z", "2026-01-31T12:00:00.123456789Z"})
    CHECK(rfc3339_of_nanos(*nanos_of_rfc3339(text)) == text);
}

TEST_CASE("severities") {
  CHECK(severity_name("warn") == "WARNING");
  CHECK(severity_name("Error") == "ERROR");
  CHECK(severity_name("500") == "ERROR");
  CHECK(severity_name("loud") == "DEFAULT");
  CHECK(severity_number("FATAL") == 600);
  CHECK_FALSE(severity_number("-1"));
}

} // namespace troupe::api::test
