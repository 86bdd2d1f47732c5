// Texts of `troupe tune` for people. Pure functions from the study and the time to lines; so the
// live display, the log on a pipe and the tests show the same.
#pragma once

#include "base/instant.hpp"
#include "cli/terminal/console.hpp"
#include "cli/tune/command.hpp"
#include "wire/frame.hpp"
#include "wire/tuning_job.capnp.h"

#include <string>
#include <vector>

namespace troupe::cli {

using tuned_reader = wire::HyperparameterTuningJob::Reader;

/// The live display: the progress of the study, the best so far as text and as a plot, the trials
/// that run, the trials that ended last.
std::vector<std::string> tune_progress(const console&, tuned_reader job, instant now);

/// One line for a trial's start or end, for the log on a pipe.
std::string trial_line(tuned_reader job, wire::Trial::Reader trial);

/// The last lines: the result of the study, its best parameters or its Pareto front, and the
/// commands to run those again.
std::vector<std::string> tune_outcome(const console&, tuned_reader job,
                                      const command_template& command, instant now);

/// Values over trials as lines of text: dots for trials (NaN: none), a line for the best so far.
/// Values far from most others are put at the edge.
std::vector<std::string> text_plot(const std::vector<double>& values, bool minimized,
                                   size_t columns, size_t rows);

} // namespace troupe::cli
