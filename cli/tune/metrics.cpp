#include "cli/tune/metrics.hpp"

#include "base/utf8.hpp"
#include "cli/terminal/table.hpp"
#include "runtime/metric_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace troupe::cli {

namespace {

struct reading {
  double value = 0;
  int64_t step = 0;
};
using readings = std::map<std::string, reading>;

std::optional<double> number_of(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size()) return std::nullopt;
  return value;
}

/// Empty unless every word is name=number.
readings readings_of_words(std::string_view line) {
  constexpr std::string_view between = " \t\r,;";
  readings out;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(between), line.size()));
    if (line.empty()) return out;
    const auto word = line.substr(0, line.find_first_of(between));
    line.remove_prefix(word.size());
    const auto equals = word.find('=');
    if (equals == word.npos || equals == 0) return {};
    const auto value = number_of(std::string(word.substr(equals + 1)));
    if (!value) return {};
    out[std::string(word.substr(0, equals))] = {*value, 0};
  }
}

readings readings_of_line(std::string_view line) {
  readings out;
  for (auto& point : runtime::points_of_line(line))
    out[point.tag] = {point.value, point.step};
  return out.empty() ? readings_of_words(line) : out;
}

readings matched(std::string_view line, const std::string& id, const re2::RE2& pattern) {
  std::string text;
  if (!re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), pattern, &text))
    return {};
  const auto value = number_of(text);
  return value ? readings{{id, {*value, 0}}} : readings{};
}

} // namespace

std::vector<wire::metric_point> points_of_output(std::string_view output,
                                                 const std::vector<std::string>& ids,
                                                 const re2::RE2* pattern, int64_t now_micros) {
  readings last;
  while (!output.empty()) {
    const auto line = output.substr(0, output.find('\n'));
    output.remove_prefix(std::min(line.size() + 1, output.size()));
    for (auto& [name, seen] :
         pattern ? matched(line, ids.front(), *pattern) : readings_of_line(line))
      if (std::ranges::find(ids, name) != ids.end()) last[name] = seen;
  }
  // One measurement holds them all: a trial is judged by a measurement that has every metric.
  int64_t step = 0;
  for (auto& [name, seen] : last)
    step = std::max(step, seen.step);
  std::vector<wire::metric_point> points;
  for (auto& [name, seen] : last)
    points.push_back({name, seen.value, step, now_micros});
  return points;
}

std::string last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == text.npos) return {};
  text = text.substr(0, end + 1);
  const auto start = text.find_last_of("\r\n");
  if (start != text.npos) text.remove_prefix(start + 1);
  return truncated(printable(valid_utf8(text)), 200);
}

} // namespace troupe::cli
