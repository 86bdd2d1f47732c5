// The stopping rules. Each judges one active trial at a time, and returns why it would stop
// it; leading trials are not asked about (tuner/stopping/stopping.hpp).
#pragma once

#include "tuner/stopping/curves.hpp"

#include <functional>

namespace troupe::tuner::curves {

/// Why the trial should be stopped, if it should.
using verdict = std::function<std::optional<std::string>(const curve&)>;

/// `study` must outlive what they return.
verdict decay_rule(const curve_set& study, wire::StudySpec::Reader spec,
                   capnp::List<wire::Trial>::Reader trials);
verdict median_rule(const curve_set& study);
verdict convex_rule(const curve_set& study, wire::ConvexAutomatedStoppingSpec::Reader spec,
                    capnp::List<wire::Trial>::Reader trials);
verdict asha_rule(const curve_set& study, wire::AshaAutomatedStoppingSpec::Reader spec);

} // namespace troupe::tuner::curves
