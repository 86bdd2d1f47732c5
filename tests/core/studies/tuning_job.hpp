// Tuning jobs for tests: one job with a metric to maximise, and short words for what users, its trials
// and the tuner do.
#pragma once

#include "tests/core/world.hpp"

#include <functional>

namespace troupe::test::tuning_job {

using wire::Order;

struct study_wish {
  int32_t most = 3;
  int32_t parallel = 2;
  int32_t failed = 0;
  job_wish job = {};
  std::function<void(wire::StudySpec::Builder)> study = {};
};

inline uint64_t submit(world& w, const study_wish& wish = {}) {
  w.step([&](wire::Event::Builder event) {
    auto job = world::in_project(event).initCreateTuningJob();
    job.setDisplayName("study");
    job.setMaxTrialCount(wish.most);
    job.setParallelTrialCount(wish.parallel);
    job.setMaxFailedTrialCount(wish.failed);
    auto study = job.initStudySpec();
    auto metric = study.initMetrics(1)[0];
    metric.setMetricId("accuracy");
    metric.setGoal(wire::MetricSpec::GoalType::MAXIMIZE);
    auto parameters = study.initParameters(2);
    parameters[0].setParameterId("lr");
    parameters[0].initDoubleValueSpec().setMaxValue(1);
    parameters[1].setParameterId("units");
    auto units = parameters[1].initIntegerValueSpec();
    units.setMinValue(1);
    units.setMaxValue(64);
    study.setMeasurementSelectionType(wire::StudySpec::MeasurementSelectionType::BEST_MEASUREMENT);
    if (wish.study) wish.study(study);
    fill_spec(job.initTrialJobSpec(), wish.job);
  });
  REQUIRE(w.last.replies.size() == 1);
  REQUIRE_MESSAGE(w.last.replies[0].outcome->isTuningJob(), w.reply_error());
  return world::id_of(wire::str(w.last.replies[0].outcome->getTuningJob().getName()));
}

inline void suggest(world& w, uint64_t id, uint32_t first, uint32_t count, bool exhausted = false) {
  w.step([&](wire::Event::Builder event) {
    auto answer = event.initSuggestions();
    answer.setStudyId(id);
    answer.setFirstTrial(first);
    answer.setExhausted(exhausted);
    for (auto set : answer.initParameters(count)) {
      auto values = set.initValues(2);
      values[0].setParameterId("lr");
      values[0].initValue().setNumber(0.1);
      values[1].setParameterId("units");
      values[1].initValue().setNumber(32);
    }
  });
}

inline wire::frame<wire::HyperparameterTuningJob> stored(const world& w, uint64_t id) {
  auto found = w.stored<wire::HyperparameterTuningJob>(store::family::tuning_jobs, id);
  REQUIRE(found);
  CHECK((*found)->getTrials().size() == 0);
  auto trials = w.trials(id);
  return found->with([&](wire::HyperparameterTuningJob::Builder job) {
    auto list = job.initTrials(static_cast<uint32_t>(trials.size()));
    for (uint32_t i = 0; i < list.size(); ++i)
      list.setWithCaveats(i, *trials[i]);
  });
}

inline uint64_t job_of(const world& w, uint64_t id, uint32_t trial) {
  return world::id_of(wire::str(stored(w, id)->getTrials()[trial - 1].getCustomJob()));
}

inline void measure(world& w, uint64_t job, double value, int64_t step,
                    std::string tag = "accuracy", int64_t at = 0) {
  w.step([&](wire::Event::Builder event) {
    auto metrics = w.report(event, "a").initMetrics();
    metrics.setJobId(job);
    metrics.setAttempt(1);
    auto point = metrics.initPoints(1)[0];
    point.setTag(wire::text(tag));
    point.setValue(value);
    point.setStep(step);
    point.setTimestampMicros(at != 0 ? at : w.now);
  });
}

inline void stop(world& w, uint64_t id, uint32_t number, const std::string& reason) {
  w.step([&](wire::Event::Builder event) {
    auto answer = event.initStoppings();
    answer.setStudyId(id);
    auto one = answer.initTrials(1)[0];
    one.setNumber(number);
    one.setReason(wire::text(reason));
  });
}

inline void resume(world& w, uint64_t id, int32_t most, int32_t parallel = 0, int32_t failed = 0) {
  w.step([&](wire::Event::Builder event) {
    auto resume = world::in_project(event).initResumeTuningJob();
    resume.setId(id);
    auto wanted = resume.initWanted();
    wanted.setMaxTrialCount(most);
    wanted.setParallelTrialCount(parallel);
    wanted.setMaxFailedTrialCount(failed);
  });
}

/// The trial runs, measures `value` and ends well.
inline void run(world& w, uint64_t id, uint32_t number, double value) {
  uint64_t job = job_of(w, id, number);
  w.running(job);
  measure(w, job, value, 1);
  w.exits(job, 0);
}

inline std::string reason_of(const world& w, uint64_t id) {
  auto record = w.stored<wire::TuningJobRecord>(store::family::study_records, id);
  REQUIRE(record);
  return wire::str((*record)->getReason());
}

inline const auto median = [](wire::StudySpec::Builder study) {
  study.initMedianAutomatedStoppingSpec();
};

} // namespace troupe::test::tuning_job
