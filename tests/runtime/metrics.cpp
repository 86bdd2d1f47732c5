#include "base/files.hpp"
#include "runtime/metric_file.hpp"
#include "tests/runtime/test_node.hpp"

#include <cmath>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::runtime;
using wire::ReplicaPhase;

namespace {

std::string reported(const std::string& value, int step, const std::string& tag = "accuracy") {
  return "{\"" + tag + "\": \"" + value + "\", \"checkpoint_path\": \"\", \"global_step\": \""
         + std::to_string(step) + "\", \"timestamp\": 1700000000." + std::to_string(10 + step)
         + ", \"trial\": \"3\"}\n";
}

} // namespace

TEST_CASE("a line of a metric file gives a metric point, or nothing if it is malformed") {
  auto points = points_of_line(reported("0.93", 7));
  CHECK(points.empty()); // a newline is no part of a line
  points = points_of_line(
      R"({"accuracy": "0.93", "checkpoint_path": "", "global_step": "1000", "timestamp": 1700000000.12, "trial": "3"})");
  REQUIRE(points.size() == 1);
  CHECK(points[0].tag == "accuracy");
  CHECK(points[0].value == 0.93);
  CHECK(points[0].step == 1000);
  CHECK(points[0].timestamp_micros == 1700000000120000);
  CHECK(std::isnan(points_of_line(R"({"loss": "nan"})").at(0).value));
  CHECK(points_of_line(R"({"loss": "inf"})").at(0).value == INFINITY);
  CHECK(points_of_line(R"({"loss": -Infinity})").at(0).value == -INFINITY);
  CHECK(points_of_line(R"({"a\/\u00e9\ud83d\ude00": 1e3})").at(0).tag
        == "a/\xc3\xa9\xf0\x9f\x98\x80");
  for (auto broken : {"", "{", "{}", "[]", "null", R"({"a")", R"({"a": "1")", R"({"a": "1"} x)",
                      R"({"a": {"b": 1}})", R"({"a": "one"})", R"({"a": "1\)", R"({"a": "1", })",
                      R"({"\u12": "1"})", R"({"a": ""})"})
    CHECK_MESSAGE(points_of_line(broken).empty(), broken);
  CHECK(points_of_line(R"({"a": "1", "global_step": "1e300", "timestamp": "nan"})").at(0).step
        == 0);
}

TEST_CASE("a metric file is read again and again") {
  metric_history book({"accuracy"});
  auto first = reported("0.5", 1), second = reported("0.6", 2), third = reported("0.7", 3);
  CHECK(book.read("").points.empty());
  // Met in the middle of a rewrite.
  CHECK(book.read(first.substr(0, 20)).points.empty());
  CHECK(book.read(first + second.substr(0, 30)).points.size() == 1);
  CHECK(book.read("").points.empty());
  auto news = book.read(first + second + reported("9", 9, "unknown"));
  REQUIRE(news.points.size() == 1);
  CHECK(news.points[0].value == 0.6);
  CHECK(news.lines == second);
  // The oldest lines leave the file.
  CHECK(book.read(second + third).points.size() == 1);
  CHECK(book.points().size() == 3);
  metric_history any({});
  CHECK(any.read(first + reported("9", 9, "unknown")).points.size() == 2);
}

TEST_CASE("metrics of a trial are reported while it runs, and all before its end") {
  node here;
  auto go = here.scratch.path() / "go";
  auto trial = shell("f=$CLOUD_ML_HP_METRIC_FILE; printf '%s\\n' '" + reported("0.5", 1)
                     + "' > $f; "
                       "while ! test -e "
                     + go.string()
                     + "; do sleep 0.01; done; "
                       "printf '%s\\n' '"
                     + reported("0.6", 2)
                     + "' > $f; "
                       "printf '%s\\n%s\\n' '"
                     + reported("nan", 3) + "' '" + reported("1", 4, "other") + "' > $f");
  trial.trial = "3";
  auto order =
      order_of(trial, [](wire::Launch::Builder out) { out.initMetricTags(1).set(0, "accuracy"); });
  auto attempt = here.run(order);
  here.seen.wait_for_metrics(1);
  CHECK(here.seen.statuses().size() <= 1);
  std::ofstream(go) << "go";
  CHECK(here.seen.wait_for_end()->getExitCode() == 0);
  auto points = here.seen.points();
  // The second report lived only for a moment: it may have been seen or not, but the last is
  // certain.
  REQUIRE(points.size() >= 2);
  CHECK(points.front().value == 0.5);
  CHECK(std::isnan(points.back().value));
  for (const auto& each : points) {
    CHECK(each.before_end);
    CHECK(each.tag == "accuracy");
  }
  auto before = points.size();
  attempt->resend_metrics();
  here.seen.wait_for_metrics(2 * before);
  attempt.reset();
  // The next agent knows them all, although the file no longer has them.
  witness later;
  auto adopted = adopt_all(here.settings, *here.loop, [&] { return later.events(); });
  REQUIRE(adopted.size() == 1);
  auto told = later.points().size();
  adopted[0]->resend_metrics();
  later.wait_for_metrics(told + before);
  CHECK(later.points().size() == told + before);
}

TEST_CASE("a FIFO in place of the metric file does not block the agent") {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("troupe-fifo-test-{}", ::getpid());
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto text = read_file(path);
  std::filesystem::remove(path);
  REQUIRE(text);
  CHECK(text->empty());
}
