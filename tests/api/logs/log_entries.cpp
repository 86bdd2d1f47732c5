#include "api/logs/log_entries.hpp"

#include "wire/frame.hpp"

#include <doctest/doctest.h>

namespace troupe::api::test {

namespace {

const log_origin origin{.job = 7, .tuning_job = 9, .project = "p", .trial_id = "2"};

log_entry entry_of_line(const std::string& text, bool through_stderr = false) {
  auto line = wire::frame<wire::LogEntry>::build([&](wire::LogEntry::Builder made) {
    made.setReplica("1/workerpool0-0/0");
    made.setTask("workerpool0-0");
    made.setTimestampNanos(1'000'000'005);
    made.setStderr(through_stderr);
    made.setLine(text);
    made.setNextOffset(42);
  });
  return entry_of(origin, *line);
}

bool takes(std::string_view text, const log_entry& entry) {
  auto wanted = log_filter(text);
  REQUIRE_MESSAGE(wanted.has_value(), text << ": " << (wanted ? "" : wanted.error().message));
  return matches(*wanted, entry);
}

} // namespace

TEST_CASE("a plain line is a text, of severity ERROR if it came from stderr") {
  auto entry = entry_of_line("hello");
  CHECK(entry.text == "hello");
  CHECK(entry.severity == "INFO");
  CHECK(entry.payload.is == wire::tree::kind::null);
  CHECK(entry_of_line("hello", true).severity == "ERROR");
}

TEST_CASE("a line that is a JSON object is a payload with its own severity") {
  auto entry = entry_of_line(R"( {"severity": "warn", "message": "m"})", true);
  CHECK(entry.payload.is == wire::tree::kind::object);
  CHECK(entry.severity == "WARNING");
  CHECK(entry.text.empty());
  CHECK(entry_of_line(R"({"message": "m"})", true).severity == "INFO");
  CHECK(entry_of_line(R"({"severity": "loud"})").severity == "DEFAULT");
}

TEST_CASE("a line that is other JSON, or broken JSON, is a text") {
  for (auto line : {"[1]", "5", "null", R"({"a": })", R"({"a": 1} x)", "{", ""}) {
    CAPTURE(line);
    CHECK(entry_of_line(line).text == line);
  }
}

TEST_CASE("a platform message is an entry of the task service") {
  auto message = wire::frame<wire::ServiceLog>::build([](wire::ServiceLog::Builder made) {
    made.setAtMicros(3);
    made.setSeverity("error");
    made.setMessage("Job failed.");
  });
  auto entry = entry_of(origin, 4, *message);
  CHECK(entry.task == "service");
  CHECK(entry.nanos == 3000);
  CHECK(entry.severity == "ERROR");
  CHECK(entry.text == "Job failed.");
  auto plain = wire::frame<wire::ServiceLog>::build([](wire::ServiceLog::Builder) {});
  CHECK(entry_of(origin, 4, *plain).severity == "INFO");
}

TEST_CASE("an entry's id names the job, the replica and the position") {
  auto line = entry_of_line("a");
  CHECK(line.insert_id == "7/1/workerpool0-0/0/000000000042");
  auto message = wire::frame<wire::ServiceLog>::build([](wire::ServiceLog::Builder) {});
  CHECK(entry_of(origin, 4, *message).insert_id == "7/service/000000000004");
}

TEST_CASE("an entry's JSON has Cloud Logging's fields") {
  CHECK(json_of(entry_of_line("hello"))
        == R"({"logName":"projects/p/logs/workerpool0-0",)"
           R"("resource":{"type":"ml_job","labels":{"job_id":"7","project_id":"p",)"
           R"("task_name":"workerpool0-0"}},"timestamp":"1970-01-01T00:00:01.000000005Z",)"
           R"("severity":"INFO","textPayload":"hello",)"
           R"("insertId":"7/1/workerpool0-0/0/000000000042",)"
           R"("labels":{"ml.googleapis.com/trial_id":"2"}})");
}

TEST_CASE("a payload is written without its severity") {
  auto json = json_of(entry_of_line(R"({"severity":"ERROR","loss":0.10})"));
  CHECK(json.find(R"("severity":"ERROR","jsonPayload":{"loss":0.10},)") != json.npos);
  CHECK(json.find("textPayload") == json.npos);
}

TEST_CASE("an entry of a job outside tuning has no trial label") {
  auto entry = entry_of_line("hello");
  entry.origin.trial_id.clear();
  CHECK(json_of(entry).find("trial_id") == std::string::npos);
}

TEST_CASE("each field of an entry can be compared") {
  auto entry = entry_of_line("hello");
  for (auto text :
       {"resource.type=ml_job", "resource.labels.task_name=workerpool0-0",
        "resource.labels.project_id=p", "timestamp=\"1970-01-01T00:00:01.000000005Z\"",
        "severity=INFO", "severity<ERROR", "logName=\"projects/p/logs/workerpool0-0\"",
        "log_name:workerpool0", "insertId:\"7/1/*\"", "textPayload=hello", "text_payload:ell",
        "labels.\"ml.googleapis.com/trial_id\"=2", "labels.ml.googleapis.com/trial_id=2"}) {
    CAPTURE(text);
    CHECK(takes(text, entry));
    CHECK_FALSE(takes(fmt::format("NOT {}", text), entry));
  }
  CHECK_FALSE(takes("severity>=ERROR", entry));
  CHECK_FALSE(takes("labels.other=2", entry));
}

TEST_CASE("an entry of a trial belongs to its own job and to the tuning job") {
  auto entry = entry_of_line("hello");
  CHECK(takes("resource.labels.job_id=7", entry));
  CHECK(takes("resource.labels.job_id=9", entry));
  entry.origin.tuning_job = 0;
  CHECK_FALSE(takes("resource.labels.job_id=9", entry));
  CHECK_FALSE(takes("resource.labels.job_id=0", entry));
}

TEST_CASE("a payload is compared by the path of a value in it") {
  auto entry = entry_of_line(R"({"step": 5, "deep": {"x": "y"}, "list": [1], "none": null})");
  CHECK(takes("jsonPayload.step=5", entry));
  CHECK(takes("json_payload.deep.x=y", entry));
  CHECK_FALSE(takes("jsonPayload.deep:*", entry));
  CHECK_FALSE(takes("jsonPayload.list:*", entry));
  CHECK_FALSE(takes("jsonPayload.none:*", entry));
  CHECK_FALSE(takes("textPayload:*", entry));
  CHECK_FALSE(takes("jsonPayload.step:*", entry_of_line("step")));
}

TEST_CASE("a field that entries do not have is rejected") {
  for (auto text : {"colour=red", "resource=1", "resource.labels=1", "resource.labels.zone=1",
                    "resource.type.x=1", "labels=1", "jsonPayload=1", "textPayload.x=1"}) {
    CAPTURE(text);
    auto wanted = log_filter(text);
    REQUIRE_FALSE(wanted);
    CHECK(wanted.error().message.contains("textPayload"));
  }
}

} // namespace troupe::api::test
