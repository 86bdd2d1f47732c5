#include "wire/json.hpp"

#include "wire/control.capnp.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

using namespace troupe;
using namespace troupe::wire;

namespace {

// What clients send for a job with reduction servers, and what only a reply carries.
constexpr std::string_view custom_job =
    R"({"name":"projects/1/locations/us-central1/customJobs/123","displayName":"digits",)"
    R"("jobSpec":{"workerPoolSpecs":[)"
    R"({"machineSpec":{"machineType":"n1-standard-8","acceleratorType":"NVIDIA_TESLA_T4","acceleratorCount":2},)"
    R"("replicaCount":"1","diskSpec":{"bootDiskType":"pd-ssd","bootDiskSizeGb":200},)"
    R"j("containerSpec":{"imageUri":"example.com/train:1","args":["--epochs=3","--out=$(AIP_MODEL_DIR)"],)j"
    R"("env":[{"name":"NCCL_DEBUG","value":"INFO"}]}},)"
    R"({"replicaCount":"3","pythonPackageSpec":{"executorImageUri":"host","packageUris":["gs://b/t.tar.gz"],)"
    R"("pythonModule":"trainer.task"}},)"
    R"({},)"
    R"({"machineSpec":{"machineType":"n1-highcpu-16"},"replicaCount":"13",)"
    R"("containerSpec":{"imageUri":"troupe/reductionserver:latest"}}],)"
    R"("scheduling":{"timeout":"86400s","strategy":"STANDARD","maxWaitDuration":"1.500s"},)"
    R"("serviceAccount":"sa@p.iam","baseOutputDirectory":{"outputUriPrefix":"gs://b/out/"},)"
    R"("tensorboard":"projects/1/locations/us-central1/tensorboards/9","enableWebAccess":true},)"
    R"("state":"JOB_STATE_FAILED","createTime":"2026-01-31T12:00:00.123456Z","startTime":"2026-01-31T12:00:01Z",)"
    R"("error":{"code":3,"message":"The replica \"workerpool0-0\"\nexited","details":[{"n":0.1,"deep":[null,[true]]}]},)"
    R"("labels":{"team":"größe","a":""}})";

std::string again(std::string_view text) {
  auto job = from_json<CustomJob>(text);
  REQUIRE_MESSAGE(job, job.error().message);
  return to_json<CustomJob>(**job);
}

template <class T = CustomJob>
std::string refusal(std::string_view text) {
  auto parsed = from_json<T>(text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == errc::invalid_argument);
  return parsed.error().message;
}

std::string pool(std::string_view members) {
  return fmt::format(R"({{"jobSpec":{{"workerPoolSpecs":[{{{}}}]}}}})", members);
}

// A free-form value, there and back.
std::string free_form(std::string_view value) {
  auto parameter = from_json<Trial::Parameter>(fmt::format(R"({{"value":{}}})", value));
  REQUIRE_MESSAGE(parameter, parameter.error().message);
  auto text = to_json<Trial::Parameter>(**parameter);
  return text == "{}" ? "" : text.substr(9, text.size() - 10);
}

} // namespace

TEST_CASE("a whole custom job comes back letter for letter") {
  CHECK(again(custom_job) == custom_job);
}

TEST_CASE("enums are written as names, or as numbers when asked for; both are read") {
  auto job = from_json<CustomJob>(custom_job);
  REQUIRE(job);
  const auto text = to_json<CustomJob>(**job, {.enums = enum_style::numbers});
  CHECK(text.find(R"("state":5)") != text.npos);
  CHECK(text.find(R"("acceleratorType":5)") != text.npos);
  CHECK(text.find(R"("strategy":3)") != text.npos);
  CHECK(again(text) == custom_job);
}

TEST_CASE("pretty output is the same value on indented lines") {
  auto job =
      from_json<CustomJob>(R"({"displayName":"a","jobSpec":{"models":["x","y"]},"error":{}})");
  REQUIRE(job);
  CHECK(to_json<CustomJob>(**job, {.pretty = true})
        == "{\n  \"displayName\": \"a\",\n  \"jobSpec\": {\n    \"models\": [\n      \"x\",\n      "
           "\"y\"\n    ]\n"
           "  },\n  \"error\": {}\n}");
  CHECK(again(to_json<CustomJob>(**from_json<CustomJob>(custom_job), {.pretty = true}))
        == custom_job);
}

TEST_CASE("protobuf's own field names and plain numbers for int64 are read") {
  CHECK(
      again(
          R"({"display_name":"a","job_spec":{"worker_pool_specs":[{"replica_count":3,"container_spec":{}}]}})")
      == R"({"displayName":"a","jobSpec":{"workerPoolSpecs":[{"replicaCount":"3","containerSpec":{}}]}})");
  CHECK(again(pool(R"("replicaCount":9223372036854775807)"))
        == pool(R"("replicaCount":"9223372036854775807")"));
  CHECK(again(pool(R"("replicaCount":2e3)")) == pool(R"("replicaCount":"2000")"));
  CHECK(again(pool(R"("diskSpec":{"bootDiskSizeGb":"100"})"))
        == pool(R"("diskSpec":{"bootDiskSizeGb":100})"));
}

TEST_CASE("null means absent, also for the members of a oneof, and defaults are left out") {
  CHECK(again(R"({"displayName":null,"jobSpec":null,"error":null,"state":null})") == "{}");
  CHECK(again(pool(R"("containerSpec":null,"pythonPackageSpec":{})"))
        == pool(R"("pythonPackageSpec":{})"));
  CHECK(
      again(
          R"({"displayName":"","satisfiesPzs":false,"state":"JOB_STATE_UNSPECIFIED","labels":{}})")
      == R"({"labels":{}})");
}

TEST_CASE("an operation shows the fields that are set") {
  frame<Operation> waiting;
  CHECK(to_json<Operation>(*waiting) == "{}");
  auto done =
      from_json<Operation>(R"({"name":"o","done":true,"response":{"@type":"x","list":[]}})");
  REQUIRE(done);
  CHECK(to_json<Operation>(**done)
        == R"({"name":"o","done":true,"response":{"@type":"x","list":[]}})");
  auto failed = from_json<Operation>(R"({"done":true,"error":{"code":5}})");
  REQUIRE(failed);
  CHECK(to_json<Operation>(**failed) == R"({"done":true,"error":{"code":5}})");
}

TEST_CASE("free-form numbers keep every digit") {
  for (std::string_view exact : {"0.1", "-0.25", "512", "1e+22", "1e-05", "0.3333333333333333",
                                 "9007199254740991", "1.7976931348623157e+308", "5e-324", "-0"})
    CHECK(free_form(exact) == exact);
  CHECK(free_form("1e22") == "1e+22");
  CHECK(std::stod(free_form("12345678901234567890")) == 12345678901234567890.0);
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value))
      CHECK(std::strtod(free_form(fmt::format("{:.17g}", value)).c_str(), nullptr) == value);
  }
  CHECK(refusal<Trial::Parameter>(R"({"value":1e400})")
        == "value: expected a number that fits 64 bits, got the number 1e400");
}

TEST_CASE("free-form values are taken as they are") {
  CHECK(free_form(R"({"a":[1,"x",null,{"b":{}}],"":false})")
        == R"({"a":[1,"x",null,{"b":{}}],"":false})");
  CHECK(free_form("null") == "");
  CHECK(free_form(R"("NaN")") == R"("NaN")");
}

TEST_CASE("NaN and infinities travel as strings") {
  for (std::string_view value : {R"("NaN")", R"("Infinity")", R"("-Infinity")", "1.5", "1e-05"}) {
    const auto text = fmt::format(R"({{"metricId":"m","value":{}}})", value);
    auto metric = from_json<Measurement::Metric>(text);
    REQUIRE(metric);
    CHECK(to_json<Measurement::Metric>(**metric) == text);
  }
  CHECK(refusal<Measurement::Metric>(R"({"value":"much"})")
        == R"(value: expected a number, got "much")");
}

TEST_CASE("times take offsets and any precision up to nanoseconds") {
  const auto time = [](std::string_view text) {
    return again(fmt::format(R"({{"createTime":"{}"}})", text));
  };
  CHECK(time("2026-01-31T12:00:00Z") == R"({"createTime":"2026-01-31T12:00:00Z"})");
  CHECK(time("2026-01-31T12:00:00.5+01:30") == R"({"createTime":"2026-01-31T10:30:00.500Z"})");
  CHECK(time("2026-01-31T23:00:00.123456789-02:00")
        == R"({"createTime":"2026-02-01T01:00:00.123456Z"})");
  CHECK(time("1969-12-31T23:59:59.999999Z") == R"({"createTime":"1969-12-31T23:59:59.999999Z"})");
  CHECK(time("1970-01-01T00:00:00Z") == R"({"createTime":"1970-01-01T00:00:00Z"})");
  CHECK(time("0001-01-01T00:00:00Z") == R"({"createTime":"0001-01-01T00:00:00Z"})");
  for (std::string_view bad :
       {"", "yesterday", "2026-02-30T00:00:00Z", "2026-01-31", "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:00", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00.1234567890Z",
        "0001-01-01T00:00:00+01:00", "2026-01-31T12:00:00Zx", "2026-1-31T12:00:00Z"})
    CHECK(refusal(fmt::format(R"({{"createTime":"{}"}})", bad))
          == fmt::format(R"(createTime: expected a time such as "2026-01-31T12:00:00Z", got "{}")",
                         bad));
}

TEST_CASE("durations are read and written as seconds") {
  const auto timeout = [](std::string_view text) {
    return fmt::format(R"({{"jobSpec":{{"scheduling":{{"timeout":{}}}}}}})", text);
  };
  for (std::string_view exact :
       {R"("604800s")", R"("1.500s")", R"("-1.000001s")", R"("0s")", R"("-0.500s")"})
    CHECK(again(timeout(exact)) == timeout(exact));
  CHECK(again(timeout(R"("1.5s")")) == timeout(R"("1.500s")"));
  for (std::string_view bad : {R"("5")", R"("5m")", R"("")", R"("s")", R"("--5s")", R"("1.s")",
                               R"(".5s")", "5", R"("999999999999s")"})
    CHECK(
        refusal(timeout(bad))
            .starts_with(
                R"(jobSpec.scheduling.timeout: expected a duration in seconds such as "3600s", got )"));
}

TEST_CASE("wrong types are named with what was expected") {
  CHECK(refusal(R"({"displayName":5})") == "displayName: expected a string, got the number 5");
  CHECK(refusal(R"({"satisfiesPzs":"true"})")
        == R"(satisfiesPzs: expected true or false, got "true")");
  CHECK(refusal(R"({"jobSpec":[]})") == "jobSpec: expected an object, got an array");
  CHECK(refusal(R"({"labels":{"a":1}})") == "labels.a: expected a string, got the number 1");
  CHECK(refusal(R"({"labels":[]})") == "labels: expected an object of strings, got an array");
  CHECK(refusal(R"({"jobSpec":{"models":["a",null]}})")
        == "jobSpec.models[1]: expected a string, got null");
  CHECK(refusal(R"({"jobSpec":{"workerPoolSpecs":{}}})")
        == "jobSpec.workerPoolSpecs: expected an array, got an object");
  CHECK(refusal(pool(R"("replicaCount":1.5)"))
        == "jobSpec.workerPoolSpecs[0].replicaCount: expected a whole number from "
           "-9223372036854775808 to "
           "9223372036854775807, got the number 1.5");
  CHECK(refusal(pool(R"("replicaCount":"many")"))
        == R"(jobSpec.workerPoolSpecs[0].replicaCount: expected a whole number, got "many")");
  CHECK(refusal(pool(R"("diskSpec":{"bootDiskSizeGb":2147483648})"))
            .find("from -2147483648 to 2147483647")
        != std::string::npos);
  CHECK(refusal(R"({"displayName":"a\u0000b"})")
        == "displayName: a NUL character cannot be part of a string");
  CHECK(refusal("[]") == "request body: expected an object, got an array");
}

TEST_CASE("unknown fields are refused with a suggestion of the likely name") {
  CHECK(refusal(pool(R"("containerSpec":{"imageUrl":"x"})"))
        == "jobSpec.workerPoolSpecs[0].containerSpec.imageUrl: unknown field; did you mean "
           "imageUri?");
  CHECK(
      refusal(R"({"zzz":1})").starts_with("zzz: unknown field; expected one of name, displayName"));
  CHECK(refusal(R"({"display-name":"x"})")
        == "display-name: unknown field; did you mean displayName?");
  CHECK(refusal(R"({"a\nb\u0001":1})").starts_with("a\\x0ab\\x01: unknown field"));
}

TEST_CASE("enum values that do not exist are refused with a list of those that do") {
  CHECK(refusal(R"({"jobSpec":{"scheduling":{"strategy":"SPOTS"}}})")
        == "jobSpec.scheduling.strategy: expected one of STRATEGY_UNSPECIFIED, ON_DEMAND, "
           "LOW_COST, STANDARD, SPOT, "
           "FLEX_START, got \"SPOTS\"; did you mean SPOT?");
  for (std::string_view bad : {"5", "\"reserved5\"", "7", "-1", "\"spot\"", "true", "1.5", "\"3\""})
    CHECK(refusal(fmt::format(R"({{"jobSpec":{{"scheduling":{{"strategy":{}}}}}}})", bad))
              .starts_with("jobSpec.scheduling.strategy: expected one of STRATEGY_UNSPECIFIED, "));
}

TEST_CASE("the member that says nothing is set is neither written nor read") {
  CHECK(again(pool(R"("replicaCount":"1")")) == pool(R"("replicaCount":"1")"));
  for (std::string_view value : {"null", "{}", "true"})
    CHECK(refusal(pool(fmt::format(R"("noTask":{})", value)))
              .starts_with("jobSpec.workerPoolSpecs[0].noTask: unknown field; expected one of "));
}

TEST_CASE("null is refused as a number, as others write it for one that is not finite") {
  CHECK(refusal<Measurement>(R"({"stepCount":"1","metrics":[{"metricId":"a","value":null}]})")
        == "metrics[0].value: expected a number, got null");
  CHECK(from_json<Measurement>(R"({"metrics":[{"metricId":"a"}]})"));
}

TEST_CASE("two members of a oneof are refused") {
  CHECK(refusal(pool(R"("containerSpec":{},"pythonPackageSpec":{})"))
        == "jobSpec.workerPoolSpecs[0].pythonPackageSpec: only one of containerSpec and "
           "pythonPackageSpec may be given");
}

TEST_CASE("all problems come at once, up to twenty of them") {
  CHECK(
      refusal(
          R"({"displayName":1,"jobSpec":{"netwrk":"n","workerPoolSpecs":[{"replicaCount":{}},7]}})")
      == "displayName: expected a string, got the number 1\n"
         "jobSpec.netwrk: unknown field; did you mean network?\n"
         "jobSpec.workerPoolSpecs[0].replicaCount: expected a whole number, got an object\n"
         "jobSpec.workerPoolSpecs[1]: expected an object, got the number 7");
  std::string many = "{";
  for (int i = 0; i < 23; ++i)
    many += fmt::format(R"({}"unheard{}":1)", i ? "," : "", i);
  const auto message = refusal(many + "}");
  CHECK(std::count(message.begin(), message.end(), '\n') == 20);
  CHECK(message.ends_with("\n... and 3 more problems"));
}

TEST_CASE("malformed JSON is refused where it breaks") {
  const auto at = [](std::string_view text) {
    return refusal(text).substr(std::string_view("request body:").size());
  };
  CHECK(at("") == "1:1: expected a JSON value, got the end of the text");
  CHECK(at("{\n  \"a\" 1}") == "2:7: expected ':' after the key, got '1'");
  CHECK(at("{\"a\":1,}") == "1:8: expected a key in double quotes, got '}'");
  CHECK(at("{\"a\":1")
        == "1:7: expected ',' or '}' after a member of an object, got the end of the text");
  CHECK(at("{\"a\":[1 2]}") == "1:9: expected ',' or ']' after an item of an array, got '2'");
  CHECK(at("{} x") == "1:4: expected the end after the value, got 'x'");
  CHECK(at("{\"ä\":tru}") == "1:6: expected a JSON value, got 't'");
  CHECK(at("{\"a\":\"b}")
        == "1:6: expected a closing '\"' for the string that starts here, got the end of the text");
  CHECK(at("{\"a\":\"\\x\"}")
        == "1:8: expected one of \" \\ / b f n r t u after a backslash, got 'x'");
  CHECK(at("{\"a\":\"\xff\"}") == "1:7: expected valid UTF-8, got '\\xff'");
  CHECK(at("{\"a\":\"\n\"}").find("expected no raw control character") != std::string::npos);
  CHECK(at("{\"a\":1,\n \"a\":2}") == "2:2: the key \"a\" is given twice; the first is at 1:2");
  for (std::string_view bad : {"{\"a\":01}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":+1}",
                               "{\"a\":.5}", "{\"a\":NaN}", "{'a':1}", "{\"a\":\"\\ud800\"}",
                               "{\"a\":\"\\udc00\"}", "{\"a\":\"\\u12g4\"}", "nul"})
    CHECK(at(bad).find("expected") != std::string::npos);
}

TEST_CASE("both spellings of one field count as twice") {
  CHECK(refusal(R"({"displayName":"a","display_name":"b"})")
        == "display_name: given twice, as displayName before");
}

TEST_CASE("escapes are read and written") {
  CHECK(again(R"({"displayName":"\u00e4\ud83d\ude00\/\b"})") == "{\"displayName\":\"ä😀/\\u0008\"}");
  auto job =
      frame<CustomJob>::build([](CustomJob::Builder into) { into.setDisplayName("a\xff\x01"); });
  CHECK(to_json<CustomJob>(*job) == "{\"displayName\":\"a\xef\xbf\xbd\\u0001\"}");
}

TEST_CASE("depth and size are bounded") {
  const auto nested = [](size_t levels) {
    return "{\"value\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  CHECK(refusal<Trial::Parameter>(nested(100000)).ends_with(": nested deeper than 64 levels"));
  CHECK(refusal<Trial::Parameter>(nested(60)).ends_with(": nested too deeply"));
  // The deepest value that is taken must also be readable where it is nested deepest: in an event's
  // command.
  for (size_t levels = 63; levels > 0; --levels) {
    auto parameter = from_json<Trial::Parameter>(nested(levels));
    if (!parameter) continue;
    CHECK(levels > 20);
    CHECK(to_json<Trial::Parameter>(**parameter) == nested(levels));
    auto event = frame<Event>::build([&](Event::Builder into) {
      auto values = into.initSuggestions().initParameters(1)[0].initValues(1);
      values.setWithCaveats(0, **parameter);
    });
    CHECK(frame<Event>::parse(event.bytes()));
    break;
  }
  CHECK(refusal("[" + std::string(frame_bytes_max, ' ') + "]").find("at most 67108864")
        != std::string::npos);
  std::string wide = R"({"jobSpec":{"models":[)";
  for (size_t i = 0; i < (1 << 20); ++i)
    wide += "0,";
  CHECK(refusal(wide + "0]}}").find("more than 1048576 values") != std::string::npos);
}

TEST_CASE("no damaged body crashes, throws, or comes back as something that cannot be written") {
  std::mt19937_64 random(20260131);
  const auto survives = [](const std::string& text) {
    auto parsed = from_json<CustomJob>(text);
    if (!parsed) {
      CHECK_FALSE(parsed.error().message.empty());
      return;
    }
    const auto written = to_json<CustomJob>(**parsed);
    auto reread = from_json<CustomJob>(written);
    REQUIRE_MESSAGE(reread, reread.error().message);
    CHECK(to_json<CustomJob>(**reread) == written);
  };
  for (size_t size = 0; size < custom_job.size(); ++size)
    survives(std::string(custom_job.substr(0, size)));
  for (int i = 0; i < 5000; ++i) {
    std::string damaged(custom_job);
    for (auto flips = random() % 3 + 1; flips > 0; --flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    survives(damaged);
  }
}
