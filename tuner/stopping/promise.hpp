// What a trial promises by its parameters alone: the objective that the model of the study, the
// Gaussian process that also suggests (tuner/gp), expects where the trial is. A learning curve
// says most near its end; this says as much from the start.
#pragma once

#include "wire/tuning_job.capnp.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace troupe::tuner::curves {

/// Of the objective's value, as it would be measured.
struct promised {
  double mean;
  double better; // by one deviation
};

class promises {
public:
  /// For a study with one objective. Nothing without parameters, and while few trials have ended.
  /// `expected`: what stopped trials would have ended with (forecaster::expected_ends).
  static std::optional<promises> of(wire::StudySpec::Reader study,
                                    capnp::List<wire::Trial>::Reader trials,
                                    std::span<const std::optional<double>> expected);

  /// For the trial at this index of the list. Nothing if it is not a point of the space.
  std::optional<promised> at(uint32_t trial) const;

private:
  class parts;
  explicit promises(std::shared_ptr<const parts> of);
  std::shared_ptr<const parts> parts_;
};

} // namespace troupe::tuner::curves
