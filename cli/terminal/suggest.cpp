#include "cli/terminal/suggest.hpp"

#include <algorithm>

namespace troupe::cli {

namespace {

size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j)
    cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      cost[i][j] = std::min(
          {cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

} // namespace

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  size_t fewest = std::max<size_t>(1, word.size() / 3) + 1;
  for (auto& candidate : candidates) {
    auto edits = edits_between(word, candidate);
    // An incomplete word is a slip as well: "list" for "list-jobs" is near.
    if (word.size() >= 3 && candidate.starts_with(word)) edits = std::min<size_t>(edits, 1);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

} // namespace troupe::cli
