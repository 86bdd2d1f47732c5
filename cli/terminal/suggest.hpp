// "Did you mean": finds the known word that is nearest to an unknown one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `word`,
/// if a typing slip explains it.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

} // namespace troupe::cli
