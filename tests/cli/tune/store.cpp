#include "cli/tune/store.hpp"

#include "cli/tune/settings.hpp"
#include "cli/tune/trials.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace troupe;
using namespace troupe::cli;

namespace {

constexpr const char* yaml = R"(
metrics: [{metricId: loss, goal: MINIMIZE}]
parameters:
- {parameterId: lr, doubleValueSpec: {minValue: 0.1, maxValue: 1}}
- {parameterId: opt, categoricalValueSpec: {values: [sgd, adam]}}
)";

struct fixture {
  test::scratch files;
  std::string directory = files.path("deep/down");
  wire::frame<wire::HyperparameterTuningJob> job = *tuned_job_of(yaml, "study.yaml");

  result<tune_store> open(std::optional<uint64_t> seed = {}) const {
    return tune_store::open(directory, job->getStudySpec(), seed, 1'700'000'000'123'456);
  }
  std::string problem(std::optional<uint64_t> seed = {}) const {
    auto opened = open(seed);
    REQUIRE_FALSE(opened.has_value());
    return opened.error().message;
  }
  std::string journal() const {
    std::ostringstream text;
    text << std::ifstream(directory + "/study.json-lines").rdbuf();
    return text.str();
  }
  void append(const std::string& text) const {
    std::ofstream(directory + "/study.json-lines", std::ios::app) << text;
  }
};

trial_frame trial_one() {
  return started(new_trial(1, {{"lr", 0.3}, {"opt", "adam"}}), 1'700'000'001'000'000);
}

const std::vector<wire::metric_point> points = {{"loss", 0.5, 1, 1'700'000'002'000'000},
                                                {"loss", NAN, 2, 1'700'000'003'000'000}};

} // namespace

TEST_CASE_FIXTURE(fixture, "a study that is opened again has everything that was written") {
  {
    auto store = open(42);
    REQUIRE_MESSAGE(store.has_value(), store.error().message);
    CHECK(store->stored().trials.empty());
    REQUIRE(store->run_started({"./train", "a \"b\"", "é"}, 1'700'000'000'500'000));
    REQUIRE(store->put(*trial_one()));
    REQUIRE(store->put(*trial_one(), points));
    const auto ended = judged(trial_one(), job->getStudySpec(), std::span(points).first(1), {},
                              1'700'000'004'000'000);
    REQUIRE(store->put(*ended));
    REQUIRE(store->put(*started(new_trial(2, {{"lr", 0.7}, {"opt", "sgd"}}), 5)));
  }
  auto store = open();
  REQUIRE_MESSAGE(store.has_value(), store.error().message);
  const auto& stored = store->stored();
  CHECK(stored.seed == 42);
  CHECK(stored.create_micros == 1'700'000'000'123'456);
  CHECK(stored.command == std::vector<std::string>{"./train", "a \"b\"", "é"});
  REQUIRE(stored.trials.size() == 2);
  const auto first = *stored.trials[0];
  CHECK(first.getState() == wire::Trial::State::SUCCEEDED);
  CHECK(first.getFinalMeasurement().getMetrics()[0].getValue() == 0.5);
  CHECK(first.getMeasurements()[0].getElapsedDuration().getMicros() == 1'000'000);
  CHECK(first.getEndTime().getMicros() == 1'700'000'004'000'000);
  CHECK(values_of(job->getStudySpec(), first)
        == std::vector<tuner::parameter_value>{{"lr", 0.3}, {"opt", "adam"}});
  CHECK(stored.trials[1]->getState() == wire::Trial::State::ACTIVE);
}

TEST_CASE_FIXTURE(fixture,
                  "half a line at the journal's end is cut off, and nothing else is lost") {
  (void)open()->put(*trial_one());
  const auto whole = journal();
  append(R"({"trial":{"id":"1","sta)");
  {
    auto store = open();
    REQUIRE_MESSAGE(store.has_value(), store.error().message);
    CHECK(store->stored().trials.size() == 1);
    CHECK(journal() == whole);
    REQUIRE(store->put(*trial_one()));
  }
  CHECK(open()->stored().trials.size() == 1);
}

TEST_CASE_FIXTURE(fixture, "a damaged journal is rejected with the number of the line") {
  (void)open()->put(*trial_one());
  SUBCASE("no JSON") {
    append("nonsense\n");
    CHECK(problem().find("study.json-lines:3: ") != std::string::npos);
  }
  SUBCASE("a trial out of order") {
    append("{\"trial\":{\"id\":\"3\"}}\n");
    CHECK(problem().find(":3: trial 3 does not follow trial 1; the journal is damaged")
          != std::string::npos);
  }
  CHECK(open().error().code == errc::data_loss);
}

TEST_CASE_FIXTURE(fixture, "a second run in the same directory is rejected") {
  const auto first = open();
  REQUIRE(first.has_value());
  CHECK(problem().find(fmt::format("another `troupe tune` (process {})", ::getpid()))
        != std::string::npos);
  CHECK(open().error().code == errc::failed_precondition);
}

TEST_CASE_FIXTURE(fixture, "a different study is rejected with the differences") {
  CHECK(open(1).has_value());
  CHECK(open().has_value());
  CHECK(problem(2).find("holds a study with seed 1, and --seed is 2") != std::string::npos);
  auto text = std::string(yaml);
  text.replace(text.find("maxValue: 1"), 11, "maxValue: 2");
  job = *tuned_job_of(text, "study.yaml");
  CHECK(problem().find("parameters[0].doubleValueSpec.maxValue: was 1, is 2") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "the error names the directory when it cannot be made") {
  directory = files.write("file", "") + "/study";
  CHECK(problem().find("file/study") != std::string::npos);
}

TEST_CASE("the differences of two JSON texts are listed with their paths") {
  CHECK(difference(R"({"a":1,"b":[1,2]})", R"({"b":[1,2],"a":1})") == "");
  CHECK(difference(R"({"a":1,"b":[1,2]})", R"({"b":[1,3],"c":"x"})")
        == "  a: was 1, is not set\n  b[1]: was 2, is 3\n  c: was not set, is \"x\"");
  CHECK(difference(R"({"b":[1,2]})", R"({"b":[1]})") == "  b: was [1,2], is [1]");
}
