// Trials and measurements between the state and the schemas: as stored, as shown, and as the tuner
// gets them. The same for tuning jobs and for studies.
#pragma once

#include "core/state/effects.hpp"
#include "core/state/studies.hpp"

#include <functional>

namespace troupe::core {

/// "{study}/trials/3"
std::string trial_name(const study&, uint32_t number);
/// Key in store::family::trials: those of one study stand together, in order.
std::string trial_key(uint64_t study, uint32_t number);

void set_measurement(wire::Measurement::Builder, const measurement&);
measurement measurement_of(wire::Measurement::Reader);

wire::frame<wire::Trial> record_of(const study&, const trial&);
trial trial_of(wire::Trial::Reader);

enum class detail_of_trials { whole, without_measurements };

/// The study's spec, and those of its trials that are wanted.
study_frame frame_of(const study&, detail_of_trials,
                     const std::function<bool(const trial&)>& wanted = {});

/// What suggestions are made from: measurements only where trials were stopped, whose ends have to
/// be forecast from them.
study_frame frame_for_suggestions(const study&);

/// The numbers of the trials that no other dominates.
std::vector<uint32_t> optimal_of(const study&);

void fill_trials(wire::HyperparameterTuningJob::Builder, const study&);
/// bestTrial and optimalTrials, by book.optimal.
void fill_best(wire::HyperparameterTuningJob::Builder, const study&);

} // namespace troupe::core
