#include "wire/problems.hpp"

namespace troupe::wire {

std::string problem::text() const {
  std::string result;
  for (const auto& part : {where, key})
    if (!part.empty()) result += part + ": ";
  result += what;
  if (!expected.empty()) result += "; expected " + expected;
  if (!suggestion.empty()) result += "; did you mean " + suggestion + "?";
  return result;
}

void problems::add(problem found) {
  if (!full()) shown_.push_back(std::move(found));
  ++count_;
}

error problems::joined() const {
  std::string lines;
  for (const auto& each : shown_)
    lines += (lines.empty() ? "" : "\n") + each.text();
  if (count_ > shown_.size())
    lines += fmt::format("\n... and {} more problems", count_ - shown_.size());
  return {errc::invalid_argument, lines};
}

} // namespace troupe::wire
