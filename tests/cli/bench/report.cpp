#include "cli/bench/report.hpp"

#include "cli/bench/plot.hpp"
#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>

using namespace troupe;
using namespace troupe::cli;

namespace {

bench_report report_of(std::string_view name, uint32_t ranks) {
  bench_report out;
  out.settings.operation = &*std::ranges::find(collectives(), name, &collective::name);
  out.ranks = ranks;
  out.reducers = 2;
  return out;
}

bench_timing timing(double mean_us, std::optional<uint64_t> wrong = 0) {
  return {mean_us, mean_us * 0.9, mean_us, mean_us * 2, 0.5, wrong};
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("percentiles are times that were measured") {
  std::vector<double> sorted;
  for (int i = 1; i <= 20; ++i)
    sorted.push_back(i);
  CHECK(percentile(sorted, 0.5) == 10);
  CHECK(percentile(sorted, 0.99) == 20);
  CHECK(percentile({7}, 0.5) == 7);

  const auto made = timing_of({3, 1, 2, 10});
  CHECK(made.mean_us == 4);
  CHECK(made.min_us == 1);
  CHECK(made.p50_us == 2);
  CHECK(made.p99_us == 10);
}

TEST_CASE("bandwidths are nccl-tests'") {
  CHECK(algbw_gb_s(1'000'000, 1000) == 1);
  CHECK(algbw_gb_s(5, 0) == 0);
  CHECK(busbw_gb_s(report_of("allreduce", 4), 1'000'000, 1000) == 1.5);
  CHECK(busbw_gb_s(report_of("allgather", 4), 1'000'000, 1000) == 0.75);
  CHECK(busbw_gb_s(report_of("reduce-scatter", 4), 1'000'000, 1000) == 0.75);
  CHECK(busbw_gb_s(report_of("broadcast", 4), 1'000'000, 1000) == 1);
}

TEST_CASE("the part of the link's bound") {
  auto report = report_of("allreduce", 4);
  CHECK_FALSE(percent_of_bound(report, 125'000, 1000));
  report.settings.link_bytes_per_s = 125e6;
  CHECK(*percent_of_bound(report, 125'000, 2000) == doctest::Approx(50));
  CHECK_FALSE(percent_of_bound(report, 0, 2000));
  auto gather = report_of("allgather", 4);
  gather.settings.link_bytes_per_s = 125e6;
  CHECK(*percent_of_bound(gather, 125'000, 1000) == doctest::Approx(75));
  auto alone = report_of("allreduce", 1);
  alone.settings.link_bytes_per_s = 125e6;
  CHECK_FALSE(percent_of_bound(alone, 125'000, 1000));
}

TEST_CASE("a row has nccl-tests' columns first") {
  auto report = report_of("allreduce", 4);
  report.settings.link_bytes_per_s = 125e6;
  const bench_row row{125'000, 31'250, timing(2000), timing(1250.5, 3)};
  const auto line = row_line(report, row);
  CHECK(words(line)
        == std::vector<std::string>{"125000", "31250", "float", "sum", "-1", "2000.0", "0.0625",
                                    "0.0938", "0", "1250.5", "0.1000", "0.1499", "3", "2000.0",
                                    "4000.0", "50.0", "1250.5", "2501.0", "80.0"});
  const auto head = head_lines(report);
  for (auto& each : head)
    CHECK(each.starts_with('#'));
  CHECK(head.at(head.size() - 2).size() == line.size());
}

TEST_CASE("a row shows no figure for what was not measured") {
  auto report = report_of("broadcast", 2);
  report.settings.root = 1;
  const bench_row row{8, 2, {}, timing(10.5, std::nullopt)};
  CHECK(words(row_line(report, row))
        == std::vector<std::string>{"8", "2", "float", "none", "1", "-", "-", "-", "-", "10.50",
                                    "0.000762", "0.000762", "N/A", "-", "-", "-", "10.50", "21.00",
                                    "-"});
  report.rows = {row};
  CHECK_FALSE(wrong_of(report.rows));
  CHECK(foot_lines(report).front() == "# Out of bounds values : not checked");
}

TEST_CASE("the lines after the rows") {
  auto report = report_of("allreduce", 2);
  report.rows = {{1'000'000, 250'000, timing(1000), timing(500, 2)}};
  report.tier = {.kappa = 1, .reducer_share = 0.5};
  report.cpu_s = 1.5;
  report.rank_cpu_s = {1.25};
  report.reducer_cpu_s = {0.5, 0.75};
  CHECK(foot_lines(report)
        == std::vector<std::string>{
            "# Out of bounds values : 2 FAILED", "# Avg bus bandwidth    : 1.5000 GB/s",
            "# Through the reducers : 50.0% of a long array (kappa 1)",
            "# CPU seconds          : 1.50 this rank, 1.25 the other ranks, 0.50 0.75 the "
            "reducers"});
}

TEST_CASE("the figures as JSON") {
  auto report = report_of("allreduce", 2);
  report.settings.link_bytes_per_s = 125e6;
  report.rows = {{1'000'000, 250'000, timing(10'000), {}}};
  report.reducer_cpu_s = {0.5, 0.75};
  report.tier.kappa = 1.5;
  report.environment = {{"UCX_TLS", "tcp \"quoted\""}};
  report.tier.reducer_share = std::nan("");
  const auto json = document(json_of(report));
  CHECK_FALSE(json["tier"]["reducerShare"]);
  CHECK(json["collective"].text() == "allreduce");
  CHECK(json["ranks"].integer() == 2);
  CHECK(json["linkBytesPerSecond"].integer() == 125'000'000);
  CHECK(json["wrong"].integer(-1) == 0);
  const auto row = json["results"].items().at(0);
  CHECK(row["sizeBytes"].integer() == 1'000'000);
  CHECK(*row["outOfPlace"]["algbwGBs"].number() == doctest::Approx(0.1));
  CHECK(*row["outOfPlace"]["percentOfBound"].number() == doctest::Approx(80));
  CHECK(*row["outOfPlace"]["p99Us"].number() == doctest::Approx(20'000));
  CHECK_FALSE(row["inPlace"]);
  CHECK(json["cpuSeconds"]["reducers"].items().size() == 2);
  CHECK(*json["tier"]["kappa"].number() == 1.5);
  CHECK(json["environment"]["kernel"].text().starts_with("Linux "));
  CHECK(json["environment"]["versions"]["ucx"]);
  CHECK(json["environment"]["variables"]["UCX_TLS"].text() == "tcp \"quoted\"");
}

TEST_CASE("variables without secrets") {
  CHECK(shown_variables({{"TROUPE_TOKEN", "s"},
                         {"TROUPE_REDUCERS", "a:1"},
                         {"TROUPE_SHARED_KEY", "k"},
                         {"UCX_TLS", "tcp"},
                         {"HOME", "/root"}})
        == std::map<std::string, std::string>{{"TROUPE_REDUCERS", "a:1"}, {"UCX_TLS", "tcp"}});
}

TEST_CASE("the chart of a run") {
  auto report = report_of("allreduce", 2);
  report.settings.link_bytes_per_s = 125e6;
  report.rows = {{0, 0, timing(50), {}}, {1024, 256, timing(60), {}}, {4096, 1024, timing(90), {}}};
  const auto svg = svg_of(charts_of(report));
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(holds(svg, "allreduce, 2 ranks, 2 reducers"));
  CHECK(holds(svg, "out-of-place p99"));
  CHECK(holds(svg, "the link&apos;s bound") == false);
  CHECK(holds(svg, ">the link's bound<"));
  CHECK_FALSE(holds(svg, ">in-place<"));
  CHECK(holds(svg, ">1 KiB<"));
  CHECK_FALSE(holds(svg, "nan"));
  CHECK_FALSE(holds(svg, "inf"));
}

TEST_CASE("charts of a single size, and of none") {
  const chart one{"a & b", "y", true, {{"s", "red", {{64, 10}}, false}}};
  CHECK(holds(svg_of({one}), "a &amp; b"));
  CHECK_FALSE(holds(svg_of({one}), "nan"));
  CHECK(holds(svg_of({{"t", "y", false, {{"s", "red", {{0, 10}}, false}}}}), "nothing to show"));
}
