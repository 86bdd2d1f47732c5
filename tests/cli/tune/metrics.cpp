#include "cli/tune/metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace troupe;
using namespace troupe::cli;

namespace {

const std::vector<std::string> ids = {"loss", "accuracy"};

/// "loss=0.5@0 ..." of what is read.
std::string read(std::string_view output, const re2::RE2* pattern = nullptr) {
  std::string out;
  for (auto& point : points_of_output(output, ids, pattern, 77)) {
    CHECK(point.timestamp_micros == 77);
    out += fmt::format("{}{}={}@{}", out.empty() ? "" : " ", point.tag, point.value, point.step);
  }
  return out;
}

} // namespace

TEST_CASE("lines of name=value are read as metrics") {
  CHECK(read("loss=0.5\n") == "loss=0.5@0");
  CHECK(read("loss=0.5") == "loss=0.5@0");
  CHECK(read("loss=0.5\nloss=0.25\ndone\n") == "loss=0.25@0");
  CHECK(read("epoch=3, loss=1e-3; accuracy=.9\r\n") == "accuracy=0.9@0 loss=0.001@0");
  CHECK(read("loss=1\naccuracy=2\nloss=3\n") == "accuracy=2@0 loss=3@0");
}

TEST_CASE("lines that do not report metrics are ignored") {
  CHECK(read("") == "");
  CHECK(read("the loss=0.5\n") == "");
  CHECK(read("loss = 0.5\nloss: 3\nloss=\n=4\nloss=0.5x\n") == "");
  CHECK(read("val_loss=0.5\n") == "");
  CHECK(read("\xff\xfe loss=1\n") == "");
}

TEST_CASE("lines of JSON are read as metrics") {
  CHECK(read(R"({"loss": 0.5, "accuracy": "0.9", "note": "x"})") == "accuracy=0.9@0 loss=0.5@0");
  CHECK(read("{\"loss\": 2, \"global_step\": \"7\"}\naccuracy=1\n") == "accuracy=1@7 loss=2@7");
  CHECK(read(R"({"loss": {"value": 1}})") == "");
}

TEST_CASE("values that are not finite are kept as reported") {
  const auto points = points_of_output("loss=nan\n", ids, nullptr, 0);
  REQUIRE(points.size() == 1);
  CHECK(std::isnan(points[0].value));
}

TEST_CASE("the user's pattern finds the metric in the output") {
  const re2::RE2 pattern("validation loss ([-+.e0-9]+)");
  CHECK(read("step 1: validation loss 0.5 (best)\nstep 2: validation loss 0.25\nloss=9\n", &pattern)
        == "loss=0.25@0");
  CHECK(read("validation loss ...\n", &pattern) == "");
  CHECK(read("validation loss 1" + std::string(100'000, ' ') + "\n", &pattern) == "loss=1@0");
  // No pattern takes more than linear time.
  const re2::RE2 nested("(?:a+)+c([0-9.]+)");
  CHECK(read(std::string(100'000, 'a') + " loss: 0.5\n", &nested) == "");
}

TEST_CASE("the last line of an output is the last one that is not empty") {
  CHECK(last_line("") == "");
  CHECK(last_line("\n \n") == "");
  CHECK(last_line("Traceback\n  x\nValueError: no\n\n") == "ValueError: no");
  CHECK(last_line("50%\r100%\r\n") == "100%");
  CHECK(last_line("\x1b[31mred\x1b[0m") == "\xEF\xBF\xBD[31mred\xEF\xBF\xBD[0m");
}
