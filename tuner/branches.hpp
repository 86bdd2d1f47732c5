// Branches of a conditional space that were tried too seldom. How good a branch is shows only once
// its own parameters are tuned: after two or three trials with bad parameters, a model would turn
// to the branches that it knows, and never come back.
#pragma once

#include "tuner/space.hpp"

#include <optional>
#include <span>

namespace troupe::tuner {

/// The most neglected part of the space: a value of a parameter that has children, where fewer
/// trials were made than 2 plus 5 for each of those children. Nothing if there is no such value, or
/// if the space's pins exclude all of them.
std::optional<search_space> neglected_branch(const search_space& space,
                                             std::span<const std::optional<row>> tried,
                                             std::span<const row> chosen);

} // namespace troupe::tuner
