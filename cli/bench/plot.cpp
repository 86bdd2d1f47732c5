#include "cli/bench/plot.hpp"

#include "cli/terminal/format.hpp"

namespace troupe::cli {

namespace {

chart_series series_of(const bench_report& report, std::string name, std::string colour,
                       std::optional<bench_timing> bench_row::*placement,
                       double (*value)(const bench_row&, const bench_timing&)) {
  chart_series out{std::move(name), std::move(colour), {}, false};
  for (auto& row : report.rows)
    if (auto& timing = row.*placement) out.points.emplace_back(row.bytes, value(row, *timing));
  return out;
}

constexpr const char* blue = "#1f6fb4";
constexpr const char* orange = "#d9601a";
constexpr const char* grey = "#777777";

} // namespace

std::vector<chart> charts_of(const bench_report& report) {
  const auto mean = [](const bench_row&, const bench_timing& timing) { return timing.mean_us; };
  const auto p99 = [](const bench_row&, const bench_timing& timing) { return timing.p99_us; };
  const auto rate = [](const bench_row& row, const bench_timing& timing) {
    return algbw_gb_s(row.bytes, timing.mean_us);
  };
  const auto title =
      fmt::format("{}, {}, {}", report.settings.operation->name, counted(report.ranks, "rank"),
                  counted(report.reducers, "reducer"));
  chart times{title, "time (us)", true, {}};
  chart rates{title, "algbw (GB/s)", false, {}};
  for (const auto& [name, placement, colour] :
       {std::tuple("out-of-place", &bench_row::out_of_place, blue),
        std::tuple("in-place", &bench_row::in_place, orange)}) {
    times.series.push_back(series_of(report, name, colour, placement, mean));
    auto tail = series_of(report, std::string(name) + " p99", colour, placement, p99);
    tail.dashed = true;
    times.series.push_back(std::move(tail));
    rates.series.push_back(series_of(report, name, colour, placement, rate));
  }
  const auto bound = report.settings.operation->bound_factor(report.ranks);
  if (report.settings.link_bytes_per_s && bound > 0) {
    chart_series most{"the link's bound", grey, {}, true};
    for (auto& row : report.rows)
      most.points.emplace_back(row.bytes, *report.settings.link_bytes_per_s / bound / 1e9);
    rates.series.push_back(std::move(most));
  }
  return {times, rates};
}

} // namespace troupe::cli
