// Finds points of a search space where an acquisition is high: many candidates, from all over the
// space and around the best trials, then climbs, alternately by gradient in the real
// dimensions and through the values of the others.
#pragma once

#include "tuner/gp/acquisition.hpp"
#include "tuner/gp/encoding.hpp"
#include "tuner/gp/options.hpp"

namespace troupe::tuner::gp {

struct proposal {
  vector full;
  double value;
};

/// Best first. `incumbents`: full vectors to search around, the best first.
std::vector<proposal> maximise(const acquisition& wanted, const encoding& space,
                               const std::vector<vector>& incumbents, random_stream& random,
                               const options& with);

} // namespace troupe::tuner::gp
