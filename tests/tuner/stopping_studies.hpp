// Studies with curves, for the tests of the stopping rules.
#pragma once

#include "tuner/stopping/stopping.hpp"
#include "wire/json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace troupe::tuner {

using trial_state = wire::Trial::State;
using study_frame = wire::frame<wire::StudySpec>;
using job_frame = wire::frame<wire::HyperparameterTuningJob>;

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct told {
  int64_t step = 0;
  double value = 0;
  int64_t seconds = 0;
};

struct told_trial {
  trial_state state = trial_state::SUCCEEDED;
  std::vector<told> curve;
  std::string stopped = {};
  double rate = 0;           // parameter "rate"; 0: none
  int64_t start_seconds = 0; // 0: unknown
  bool safe = true;          // metric "danger" is 0, not 1
};

/// `fields` begin with the rule, and may have more.
inline study_frame study_with(const std::string& fields,
                              const std::string& metrics = R"({"metricId": "m"})") {
  auto study =
      wire::from_json<wire::StudySpec>(R"({"metrics": [)" + metrics + "], " + fields + "}");
  REQUIRE_MESSAGE(study, study.error().message);
  return *study;
}

inline const std::string smaller = R"({"metricId": "m", "goal": "MINIMIZE"})";

inline void tell(wire::Measurement::Builder to, const told& from, bool safe) {
  to.setStepCount(from.step);
  if (from.seconds > 0) to.initElapsedDuration().setMicros(from.seconds * 1'000'000);
  auto metrics = to.initMetrics(2);
  metrics[0].setMetricId("m");
  metrics[0].setValue(from.value);
  metrics[1].setMetricId("danger");
  metrics[1].setValue(safe ? 0 : 1);
}

inline job_frame job_with(const std::vector<told_trial>& trials) {
  using job = wire::HyperparameterTuningJob;
  return job_frame::build([&](job::Builder built) {
    auto list = built.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i) {
      const auto& from = trials[i];
      list[i].setState(from.state);
      list[i].setStoppingReason(wire::text(from.stopped));
      if (from.start_seconds > 0) list[i].initStartTime().setMicros(from.start_seconds * 1'000'000);
      if (from.rate > 0) {
        auto rate = list[i].initParameters(1)[0];
        rate.setParameterId("rate");
        rate.initValue().setNumber(from.rate);
      }
      auto measurements = list[i].initMeasurements(static_cast<uint32_t>(from.curve.size()));
      for (uint32_t j = 0; j < measurements.size(); ++j)
        tell(measurements[j], from.curve[j], from.safe);
      if (from.state == trial_state::SUCCEEDED && !from.curve.empty())
        tell(list[i].initFinalMeasurement(), from.curve.back(), from.safe);
    }
  });
}

inline std::vector<stopping> stops(const study_frame& study,
                                   const std::vector<told_trial>& trials) {
  const auto job = job_with(trials);
  return trials_to_stop(*study, job->getTrials());
}

/// The indices alone.
inline std::vector<uint32_t> stopped(const study_frame& study,
                                     const std::vector<told_trial>& trials) {
  std::vector<uint32_t> found;
  for (const auto& one : stops(study, trials))
    found.push_back(one.trial);
  return found;
}

inline told_trial curve(const std::function<double(double)>& value, int64_t steps,
                        trial_state state = trial_state::SUCCEEDED) {
  told_trial made{.state = state};
  for (int64_t step = 1; step <= steps; ++step)
    made.curve.push_back({step, value(static_cast<double>(step)), 10 * step});
  return made;
}

inline told_trial running(std::vector<told> points) {
  return {.state = trial_state::ACTIVE, .curve = std::move(points)};
}

using indices = std::vector<uint32_t>;

} // namespace troupe::tuner
