// Studies, as plain values: what tuning jobs and client studies are, their trials, and what those
// measured. "volatile" and times as in jobs.hpp.
#pragma once

#include "core/state/failure.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"
#include "wire/lifecycle.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::core {

struct measurement {
  int64_t elapsed_micros = 0;
  int64_t step = 0;
  std::vector<std::pair<std::string, double>> metrics;
};

struct trial {
  uint32_t number = 0;
  wire::Trial::State state = wire::Trial::State::REQUESTED;
  wire::frame<wire::Suggestions::ParameterSet> parameters;
  std::vector<measurement> measurements; // strictly ordered by (step, elapsed)
  std::optional<measurement> final_measurement;
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  std::string client; // of a study: who works on it
  std::string infeasible_reason;
  std::string stopping_reason;
  uint64_t job = 0; // of a tuning job: the custom job that runs it

  bool ended() const {
    return state == wire::Trial::State::SUCCEEDED || state == wire::Trial::State::INFEASIBLE;
  }
  /// A trial that was stopped early has not failed, even where it had measured nothing yet.
  bool failed() const { return state == wire::Trial::State::INFEASIBLE && stopping_reason.empty(); }
};

/// What tuning jobs and Vizier's studies have in common: trials, and what is asked of the tuner
/// about them.
struct study {
  study() = default;
  study(const study&) = default;
  study& operator=(const study&) = default;
  virtual ~study() = default;
  virtual wire::StudySpec::Reader spec() const = 0;
  virtual std::string_view name() const = 0; // of the resource
  virtual bool over() const = 0;             // nothing more is asked for it

  uint64_t id = 0;
  std::string project;
  std::string location;
  int64_t create_micros = 0;
  int64_t update_micros = 0;
  std::map<uint32_t, trial> trials;
  std::vector<uint32_t> optimal; // derived: the trials that no other dominates

  std::optional<int64_t> look_again_micros; // when time alone may have ended it

  bool stoppings_asked = false; // volatile: the rules are being computed
  bool stoppings_news = false;  // volatile: something was measured since

  uint32_t live_trials() const {
    uint32_t count = 0;
    for (const auto& [number, t] : trials)
      count += !t.ended();
    return count;
  }
};

struct tuning_job : study {
  std::string token;
  wire::frame<wire::HyperparameterTuningJob> submitted; // named; without trials
  wire::JobState state = wire::JobState::QUEUED;
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  std::optional<failure> error;
  bool cancel_requested = false;
  // The end that waits for the last live trial: SUCCEEDED once the search space is exhausted or
  // studyStoppingConfig says so, FAILED, CANCELLED.
  wire::JobState end_state = wire::JobState::UNSPECIFIED;
  std::optional<failure> end_error;
  std::string end_reason; // what ended it before maxTrialCount
  std::string reason;
  uint32_t tuner_failures = 0; // one after the other

  uint32_t asked_from = 0; // volatile: the first trial of the suggestion request under way; 0: none

  wire::StudySpec::Reader spec() const override { return submitted->getStudySpec(); }
  std::string_view name() const override { return wire::view(submitted->getName()); }
  bool terminal() const { return wire::is_over(state); }
  bool over() const override { return terminal() || end_state != wire::JobState::UNSPECIFIED; }
};

/// A long-running operation of a study whose answer the tuner owes.
struct pending_operation {
  uint64_t id = 0;
  int64_t start_micros = 0;
  wire::frame<wire::SuggestTrialsRequest> wanted; // of a suggestion
  uint32_t checked = 0;                           // of a check: the trial; 0: a suggestion
};

struct client_study : study {
  wire::frame<wire::Study> submitted; // named
  wire::Study::State state = wire::Study::State::ACTIVE;
  std::string inactive_reason;
  uint32_t next_trial = 1;
  std::vector<pending_operation> pending; // in the order of their arrival

  uint64_t asked_for = 0;     // volatile: the operation whose suggestions are being computed
  uint32_t asked_from = 0;    // volatile: the first trial that they would be
  uint32_t asked_context = 0; // volatile: of the operation's contexts, the one they are for

  wire::StudySpec::Reader spec() const override { return submitted->getStudySpec(); }
  std::string_view name() const override { return wire::view(submitted->getName()); }
  bool over() const override { return state != wire::Study::State::ACTIVE; }
};

} // namespace troupe::core
