// Whether what a client says of a trial can stand: its parameters as a point of the study's space,
// its measurements as values of the study's metrics. Problems are sentences as in validate.hpp.
#pragma once

#include "core/state/studies.hpp"
#include "wire/study.capnp.h"

namespace troupe::core {

inline constexpr size_t measurements_max = 5000; // of one trial

/// `whole`: a point of the space, every active parameter named. Otherwise a slice of it, as the
/// contexts of suggestions are: any of its parameters.
std::vector<std::string> problems_of_parameters(wire::StudySpec::Reader study,
                                                capnp::List<wire::Trial::Parameter>::Reader values,
                                                const std::string& path, bool whole);

/// `final`: one that speaks for its trial must have every metric of the study.
std::vector<std::string> problems_of_measurement(wire::StudySpec::Reader study,
                                                 wire::Measurement::Reader measured,
                                                 const std::string& path, bool final);

/// A trial that a client makes: a point to be suggested later, or one that has ended already.
std::vector<std::string> problems_of(wire::StudySpec::Reader study, wire::Trial::Reader wanted);

std::vector<std::string> problems_of(wire::StudySpec::Reader study,
                                     wire::SuggestTrialsRequest::Reader wanted);

std::vector<std::string> problems_of(wire::StudySpec::Reader study,
                                     wire::CompleteTrialRequest::Reader wanted);

/// Whether the trial's parameters have all the values that are named in `slice`.
bool lies_in(capnp::List<wire::Trial::Parameter>::Reader values,
             capnp::List<wire::Trial::Parameter>::Reader slice);

} // namespace troupe::core
