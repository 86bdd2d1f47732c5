#include "cli/jobs/log_stream.hpp"

#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

using namespace troupe::cli;

namespace {

std::string shown(std::string_view entry, bool multiline = false, const std::string& trial = {}) {
  setenv("TZ", "UTC", 1);
  tzset();
  test_console console;
  auto parsed = document(entry);
  return joined(log_lines(console.at, parsed.root(), multiline, trial));
}

} // namespace

TEST_CASE("a log line has gcloud's columns") {
  CHECK(
      shown(
          R"({"severity":"INFO","timestamp":"2026-11-23T05:30:22.5Z","resource":{"labels":{"task_name":"workerpool0-0"}},"textPayload":"epoch 1"})")
      == "INFO     2026-11-23 05:30:22 +0000  workerpool0-0  epoch 1\n");
  CHECK(shown(R"({"timestamp":"2026-11-23T05:30:22Z","textPayload":""})")
        == "DEFAULT  2026-11-23 05:30:22 +0000  unknown_task   \n");
  CHECK(
      shown(
          R"({"severity":"ERROR","timestamp":"x","resource":{"labels":{"task_name":"service"}},"jsonPayload":{"message":"m","a":1}})",
          false, "3")
      == "ERROR    -  trial-3/service  m\n");
  CHECK(shown(R"({"severity":"INFO","timestamp":"x","jsonPayload":{"loss":0.5}})")
        == "INFO     -  unknown_task   {\"loss\":0.5}\n");
}

TEST_CASE("a message of several lines is split unless multiline entries are allowed") {
  auto entry = R"({"severity":"INFO","timestamp":"x","textPayload":"a\nb\n"})";
  CHECK(shown(entry) == "INFO     -  unknown_task   a\nINFO     -  unknown_task   b\n");
  CHECK(shown(entry, true) == "INFO     -  unknown_task   a\nb\n");
}
