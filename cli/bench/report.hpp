// How a benchmark's figures are shown: nccl-tests' columns for people and for the scripts that read
// them, with ours behind; JSON with the environment for everything else.
#pragma once

#include "cli/bench/rank.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {

/// Everything a run has found.
struct bench_report {
  bench_settings settings;
  uint32_t rank = 0;
  uint32_t ranks = 1;
  uint32_t reducers = 1;
  std::vector<bench_row> rows;
  bench_tier tier;
  double cpu_s = 0;                               // of this rank's process, from its start
  std::vector<double> rank_cpu_s;                 // of the other ranks that the command started
  std::vector<double> reducer_cpu_s;              // of the reducers that the command started
  std::map<std::string, std::string> environment; // variables, see shown_variables
};

/// GB/s, 1e9 bytes; 0 for no time.
double algbw_gb_s(uint64_t bytes, double time_us);
double busbw_gb_s(const bench_report& report, uint64_t bytes, double time_us);

/// The rate in percent of what the worker's link allows; nothing without --link, or if no bytes
/// have to travel.
std::optional<double> percent_of_bound(const bench_report& report, uint64_t bytes, double time_us);

/// Wrong elements; nothing if the results were not checked.
std::optional<uint64_t> wrong_of(const std::vector<bench_row>& rows);

/// The lines before the rows, one row, and the lines after them.
std::vector<std::string> head_lines(const bench_report& report);
std::string row_line(const bench_report& report, const bench_row& row);
std::vector<std::string> foot_lines(const bench_report& report);

std::string json_of(const bench_report& report);

/// The variables in `environment` that steer Troupe and UCX, without secrets.
std::map<std::string, std::string>
shown_variables(const std::map<std::string, std::string>& environment);

} // namespace troupe::cli
