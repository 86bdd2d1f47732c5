// Branches of a conditional space that were tried too seldom. What a branch can do shows only once
// its own parameters are tuned: after two or three trials, all bad by its parameters, a model would
// turn to where it knows its way and never come back.
#pragma once

#include "tuner/space.hpp"

#include <optional>
#include <span>

namespace troupe::tuner {

/// The part of the space that is most behind: a value of a parameter under which others stand,
/// where fewer trials were made than two and five more for each of those parameters. Nothing if
/// there is no such value, or the space's pins leave none.
std::optional<search_space> neglected_branch(const search_space& space,
                                             std::span<const std::optional<row>> tried,
                                             std::span<const row> chosen);

} // namespace troupe::tuner
