#include "cli/bench/report.hpp"

#include "base/json_text.hpp"
#include "cli/bench/machine.hpp"
#include "cli/client/json.hpp"
#include "cli/terminal/format.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace troupe::cli {

namespace {

std::string time_text(double time_us) {
  return time_us >= 10'000 ? fmt::format("{:.0f}", time_us)
         : time_us >= 100  ? fmt::format("{:.1f}", time_us)
                           : fmt::format("{:.2f}", time_us);
}

/// Slow links need more decimals than nccl-tests' two.
std::string rate_text(double gb_s) {
  return gb_s >= 100    ? fmt::format("{:.2f}", gb_s)
         : gb_s >= 10   ? fmt::format("{:.3f}", gb_s)
         : gb_s >= 0.01 ? fmt::format("{:.4f}", gb_s)
                        : fmt::format("{:.6f}", gb_s);
}

std::string percent_text(std::optional<double> percent) {
  return percent ? fmt::format("{:.1f}", *percent) : "-";
}

std::string wrong_text(const bench_timing& timing) {
  return timing.wrong ? fmt::format("{}", *timing.wrong) : "N/A";
}

constexpr std::array<std::string_view, 4> secret_words = {"TOKEN", "SECRET", "PASSWORD", "KEY"};

constexpr std::string_view first_form = "{:>12}{:>14}{:>10}{:>8}{:>6}";
constexpr std::string_view known_form = "{:>10}{:>9}{:>9}{:>8}";
constexpr std::string_view own_form = "{:>10}{:>10}{:>9}";

std::string known_columns(const bench_report& report, const bench_row& row,
                          const std::optional<bench_timing>& timing) {
  if (!timing) return fmt::format(fmt::runtime(known_form), "-", "-", "-", "-");
  return fmt::format(fmt::runtime(known_form), time_text(timing->mean_us),
                     rate_text(algbw_gb_s(row.bytes, timing->mean_us)),
                     rate_text(busbw_gb_s(report, row.bytes, timing->mean_us)),
                     wrong_text(*timing));
}

std::string own_columns(const bench_report& report, const bench_row& row,
                        const std::optional<bench_timing>& timing) {
  if (!timing) return fmt::format(fmt::runtime(own_form), "-", "-", "-");
  return fmt::format(fmt::runtime(own_form), time_text(timing->p50_us), time_text(timing->p99_us),
                     percent_text(percent_of_bound(report, row.bytes, timing->mean_us)));
}

std::string_view op_text(const bench_settings& settings) {
  return settings.operation->reduces ? name_of(settings.op) : "none";
}

std::string root_text(const bench_settings& settings) {
  return settings.operation->rooted ? fmt::format("{}", settings.root) : "-1";
}

double average_busbw(const bench_report& report) {
  double sum = 0;
  size_t count = 0;
  for (auto& row : report.rows)
    for (auto& timing : {row.out_of_place, row.in_place})
      if (timing) {
        sum += busbw_gb_s(report, row.bytes, timing->mean_us);
        ++count;
      }
  return count == 0 ? 0 : sum / double(count);
}

std::string json_list(const std::vector<double>& values) {
  std::vector<std::string> items;
  for (const double each : values)
    items.push_back(shortest(each));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string json_map(const std::map<std::string, std::string>& values) {
  std::vector<std::string> items;
  for (auto& [name, value] : values)
    items.push_back(json_quoted(name) + ": " + json_quoted(value));
  return "{" + fmt::format("{}", fmt::join(items, ", ")) + "}";
}

std::string json_timing(const bench_report& report, const bench_row& row,
                        const std::optional<bench_timing>& timing) {
  if (!timing) return "null";
  return fmt::format(
      R"({{"timeUs": {}, "minUs": {}, "p50Us": {}, "p99Us": {}, "algbwGBs": {}, "busbwGBs": {}, )"
      R"("percentOfBound": {}, "wrong": {}, "cpuSeconds": {}}})",
      shortest(timing->mean_us), shortest(timing->min_us), shortest(timing->p50_us),
      shortest(timing->p99_us), shortest(algbw_gb_s(row.bytes, timing->mean_us)),
      shortest(busbw_gb_s(report, row.bytes, timing->mean_us)),
      json_number(percent_of_bound(report, row.bytes, timing->mean_us)),
      timing->wrong ? fmt::format("{}", *timing->wrong) : "null", shortest(timing->cpu_s));
}

std::string json_row(const bench_report& report, const bench_row& row) {
  return fmt::format(R"(    {{"sizeBytes": {}, "count": {}, "outOfPlace": {}, "inPlace": {}}})",
                     row.bytes, row.count, json_timing(report, row, row.out_of_place),
                     json_timing(report, row, row.in_place));
}

std::string json_environment(const bench_report& report) {
  const auto at = this_machine();
  return fmt::format(
      R"({{"time": {}, "host": {}, "kernel": {}, "cpu": {}, "cpus": {}, "memoryBytes": {}, )"
      R"("versions": {}, "variables": {}}})",
      json_quoted(at.time), json_quoted(at.host), json_quoted(at.kernel), json_quoted(at.cpu),
      at.cpus, at.memory_bytes, json_map(at.versions), json_map(report.environment));
}

} // namespace

double algbw_gb_s(uint64_t bytes, double time_us) {
  return time_us > 0 ? double(bytes) / time_us / 1e3 : 0;
}

double busbw_gb_s(const bench_report& report, uint64_t bytes, double time_us) {
  return algbw_gb_s(bytes, time_us) * report.settings.operation->bus_factor(report.ranks);
}

std::optional<double> percent_of_bound(const bench_report& report, uint64_t bytes, double time_us) {
  const auto needed = double(bytes) * report.settings.operation->bound_factor(report.ranks);
  if (!report.settings.link_bytes_per_s || needed == 0 || time_us <= 0) return {};
  return needed / *report.settings.link_bytes_per_s / (time_us / 1e6) * 100;
}

std::optional<uint64_t> wrong_of(const std::vector<bench_row>& rows) {
  std::optional<uint64_t> sum;
  for (auto& row : rows)
    for (auto& timing : {row.out_of_place, row.in_place})
      if (timing && timing->wrong) sum = sum.value_or(0) + *timing->wrong;
  return sum;
}

std::vector<std::string> head_lines(const bench_report& report) {
  const auto& settings = report.settings;
  std::vector<std::string> out = {
      fmt::format("# troupe {}: {}, {}, {}; {} iterations after {} to warm up, validation {}",
                  this_machine().versions.at("troupe"), settings.operation->name,
                  counted(report.ranks, "rank"), counted(report.reducers, "reducer"),
                  settings.iterations, settings.warmup, settings.check ? 1 : 0),
      "# Times are the slowest rank's of each iteration: their mean, and at the end p50 and p99. "
      "GB are 1e9 bytes."};
  if (settings.link_bytes_per_s)
    out.push_back(fmt::format(
        "# %bound is the part of what a link of {} allows: {:.4g} x the size passes each worker's.",
        link_rate(*settings.link_bytes_per_s), settings.operation->bound_factor(report.ranks)));
  out.emplace_back("#");
  const auto both = [](std::string_view form, auto... titles) {
    const auto once = fmt::format(fmt::runtime(form), titles...);
    return once + once;
  };
  // The # takes the place of a blank, and no line ends in blanks.
  auto line = [&out](std::string text) {
    text[0] = '#';
    text.erase(text.find_last_not_of(' ') + 1);
    out.push_back(std::move(text));
  };
  line(fmt::format("{:>50}{:>36}{:>36}{:>29}{:>29}", "", "out-of-place", "in-place", "out-of-place",
                   "in-place"));
  line(fmt::format(fmt::runtime(first_form), "size", "count", "type", "redop", "root")
       + both(known_form, "time", "algbw", "busbw", "#wrong")
       + both(own_form, "p50", "p99", "%bound"));
  line(fmt::format(fmt::runtime(first_form), "(B)", "(elements)", "", "", "")
       + both(known_form, "(us)", "(GB/s)", "(GB/s)", "") + both(own_form, "(us)", "(us)", ""));
  return out;
}

std::string row_line(const bench_report& report, const bench_row& row) {
  const auto& settings = report.settings;
  const bool arrays = settings.operation->shape != array_shape::none;
  return fmt::format(fmt::runtime(first_form), row.bytes, row.count,
                     arrays ? name_of(settings.type) : "none", op_text(settings),
                     root_text(settings))
         + known_columns(report, row, row.out_of_place) + known_columns(report, row, row.in_place)
         + own_columns(report, row, row.out_of_place) + own_columns(report, row, row.in_place);
}

std::vector<std::string> foot_lines(const bench_report& report) {
  std::vector<std::string> out;
  const auto wrong = wrong_of(report.rows);
  out.push_back(
      wrong ? fmt::format("# Out of bounds values : {} {}", *wrong, *wrong == 0 ? "OK" : "FAILED")
            : "# Out of bounds values : not checked");
  if (report.settings.operation->shape != array_shape::none)
    out.push_back(
        fmt::format("# Avg bus bandwidth    : {} GB/s", rate_text(average_busbw(report))));
  if (report.reducers > 0 && report.settings.operation->reduces && std::isfinite(report.tier.kappa))
    out.push_back(fmt::format("# Through the reducers : {:.1f}% of a long array (kappa {:.3g})",
                              report.tier.reducer_share * 100, report.tier.kappa));
  auto cpu = fmt::format("# CPU seconds          : {:.2f} this rank", report.cpu_s);
  if (!report.rank_cpu_s.empty())
    cpu += fmt::format(", {:.2f} the other ranks", fmt::join(report.rank_cpu_s, " "));
  if (!report.reducer_cpu_s.empty())
    cpu += fmt::format(", {:.2f} the reducers", fmt::join(report.reducer_cpu_s, " "));
  out.push_back(cpu);
  return out;
}

std::string json_of(const bench_report& report) {
  const auto& settings = report.settings;
  std::vector<std::string> rows;
  for (auto& row : report.rows)
    rows.push_back(json_row(report, row));
  const auto tier =
      fmt::format(R"({{"kappa": {}, "reducerShare": {}, "bytesSent": {}, "bytesReceived": {}}})",
                  json_number(report.tier.kappa), json_number(report.tier.reducer_share),
                  report.tier.bytes_sent, report.tier.bytes_received);
  return fmt::format(
      "{{\n"
      R"(  "collective": {}, "ranks": {}, "reducers": {}, "type": {}, "op": {}, "root": {},)"
      "\n"
      R"(  "iterations": {}, "warmup": {}, "linkBytesPerSecond": {}, "wrong": {},)"
      "\n"
      "  \"results\": [\n{}\n  ],\n"
      R"(  "averageBusbwGBs": {},)"
      "\n"
      R"(  "cpuSeconds": {{"thisRank": {}, "otherRanks": {}, "reducers": {}}},)"
      "\n"
      "  \"tier\": {},\n"
      "  \"environment\": {}\n"
      "}}\n",
      json_quoted(settings.operation->name), report.ranks, report.reducers,
      json_quoted(name_of(settings.type)), json_quoted(op_text(settings)), root_text(settings),
      settings.iterations, settings.warmup, json_number(settings.link_bytes_per_s),
      wrong_of(report.rows) ? fmt::format("{}", *wrong_of(report.rows)) : "null",
      fmt::join(rows, ",\n"), shortest(average_busbw(report)), shortest(report.cpu_s),
      json_list(report.rank_cpu_s), json_list(report.reducer_cpu_s), tier,
      json_environment(report));
}

std::map<std::string, std::string>
shown_variables(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> out;
  for (auto& [name, value] : environment) {
    const bool ours = name.starts_with("TROUPE_") || name.starts_with("UCX_");
    const bool secret = std::ranges::any_of(
        secret_words, [&](std::string_view word) { return name.find(word) != name.npos; });
    if (ours && !secret) out[name] = value;
  }
  return out;
}

} // namespace troupe::cli
