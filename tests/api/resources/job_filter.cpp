#include "api/resources/job_filter.hpp"

#include "tests/api/filter_sample.hpp"

namespace troupe::api::test {

TEST_CASE("a job's state is compared by name or by number") {
  CHECK(takes(R"(state="JOB_STATE_SUCCEEDED")"));
  CHECK(takes("state=JOB_STATE_SUCCEEDED"));
  CHECK(takes("state=4"));
  CHECK(takes("state!=JOB_STATE_RUNNING"));
  CHECK_FALSE(takes("state=3"));
}

TEST_CASE("a job's times are compared as times, and a time that is not set matches nothing") {
  CHECK(takes(R"(create_time>"2026-05-18T00:00:00Z")"));
  CHECK(takes(R"(createTime<="2026-05-18T12:00:00.5Z")"));
  CHECK(takes(R"(create_time=2026-05-18T14:00:00.500+02:00)"));
  CHECK_FALSE(takes(R"(create_time<"2026-05-18T12:00:00.5Z")"));
  CHECK(takes(R"(create_time>=2026-05-18)"));
  CHECK_FALSE(takes(R"(end_time>"1970-01-01T00:00:00Z")"));
  CHECK(takes(R"(end_time!="1970-01-01T00:00:00Z")"));
}

TEST_CASE("a job's labels are compared by key and by value") {
  CHECK(takes("labels.team=nlp"));
  CHECK(takes("labels.team:*"));
  CHECK(takes("labels:team"));
  CHECK_FALSE(takes("labels:tea"));
  CHECK_FALSE(takes("labels.colour:*"));
  CHECK(takes("NOT labels.colour:*"));
  CHECK(takes("labels.colour!=red"));
}

TEST_CASE("a label's key may have dots in it") {
  CHECK(takes("labels.aiplatform.googleapis.com/run=9"));
  CHECK(takes(R"(labels."aiplatform.googleapis.com/run"=9)"));
}

TEST_CASE("each time field is the job's own") {
  auto job = wire::frame<wire::CustomJob>::build([](wire::CustomJob::Builder made) {
    made.initCreateTime().setMicros(1'000'000);
    made.initStartTime().setMicros(2'000'000);
    made.initEndTime().setMicros(3'000'000);
    made.initUpdateTime().setMicros(4'000'000);
  });
  auto found = [&](std::string_view text) { return matches(*job_filter(text), *job); };
  CHECK(found("create_time=1970-01-01T00:00:01Z"));
  CHECK(found("start_time=1970-01-01T00:00:02Z"));
  CHECK(found("end_time=1970-01-01T00:00:03Z"));
  CHECK(found("update_time=1970-01-01T00:00:04Z"));
  CHECK(found("updateTime>=1970-01-01T00:00:04Z"));
}

TEST_CASE("a tuning job has the same fields as a custom job") {
  auto job = wire::frame<wire::HyperparameterTuningJob>::build(
      [](wire::HyperparameterTuningJob::Builder made) {
        made.setName("projects/p/locations/l/hyperparameterTuningJobs/8");
        made.setDisplayName("tune");
        made.setState(wire::JobState::RUNNING);
      });
  auto found = [&](std::string_view text) { return matches(*job_filter(text), *job); };
  CHECK(found("display_name=tune state=JOB_STATE_RUNNING"));
  CHECK(found("name:hyperparameterTuningJobs"));
  CHECK_FALSE(found("display_name=tune state=JOB_STATE_QUEUED"));
}

} // namespace troupe::api::test
