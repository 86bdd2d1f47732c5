#include "tests/core/world.hpp"

#include <functional>
#include <limits>

using namespace troupe;
using namespace troupe::test;
using wire::Order;

namespace {

struct study_wish {
  int32_t most = 3;
  int32_t parallel = 2;
  int32_t failed = 0;
  job_wish job = {};
  std::function<void(wire::StudySpec::Builder)> study = {};
};

uint64_t submit(world& w, const study_wish& wish = {}) {
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

void suggest(world& w, uint64_t id, uint32_t first, uint32_t count, bool exhausted = false) {
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

wire::frame<wire::HyperparameterTuningJob> stored(const world& w, uint64_t id) {
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

uint64_t job_of(const world& w, uint64_t id, uint32_t trial) {
  return world::id_of(wire::str(stored(w, id)->getTrials()[trial - 1].getCustomJob()));
}

void measure(world& w, uint64_t job, double value, int64_t step, std::string tag = "accuracy",
             int64_t at = 0) {
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

void stop(world& w, uint64_t id, uint32_t number, const std::string& reason) {
  w.step([&](wire::Event::Builder event) {
    auto answer = event.initStoppings();
    answer.setStudyId(id);
    auto one = answer.initTrials(1)[0];
    one.setNumber(number);
    one.setReason(wire::text(reason));
  });
}

void resume(world& w, uint64_t id, int32_t most, int32_t parallel = 0, int32_t failed = 0) {
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
void run(world& w, uint64_t id, uint32_t number, double value) {
  uint64_t job = job_of(w, id, number);
  w.running(job);
  measure(w, job, value, 1);
  w.exits(job, 0);
}

std::string reason_of(const world& w, uint64_t id) {
  auto record = w.stored<wire::TuningJobRecord>(store::family::study_records, id);
  REQUIRE(record);
  return wire::str((*record)->getReason());
}

const auto median = [](wire::StudySpec::Builder study) { study.initMedianAutomatedStoppingSpec(); };

} // namespace

TEST_CASE("a study runs its trials, as many at once as allowed, to SUCCEEDED") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.job = {.output = "/out"}});
  CHECK(stored(w, id)->getState() == JobState::QUEUED);
  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 1);
  CHECK(w.last.suggestion_requests[0].count == 2);
  suggest(w, id, 1, 2);
  CHECK(w.last.suggestion_requests.empty());
  auto launches = w.sent(Order::LAUNCH, "a");
  REQUIRE(launches.size() == 2);
  auto launch = launches[0].getLaunch();
  CHECK(wire::view(launch.getTrialId()) == "1");
  CHECK(wire::view(launch.getMetricTags()[0]) == "accuracy");
  CHECK(wire::view(launch.getDisplayName()) == "study-trial-1");
  auto args = launch.getSpec().getWorkerPoolSpecs()[0].getContainerSpec().getArgs();
  REQUIRE(args.size() == 3);
  CHECK(wire::view(args[0]) == "--first");
  CHECK(wire::view(args[1]) == "--lr=0.1");
  CHECK(wire::view(args[2]) == "--units=32");
  CHECK(wire::view(launch.getSpec().getBaseOutputDirectory().getOutputUriPrefix()) == "/out/1/");
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::REQUESTED);

  uint64_t first = job_of(w, id, 1);
  CHECK(w.attempt(first)->getTuningJobId() == id);
  w.running(first);
  CHECK(stored(w, id)->getState() == JobState::RUNNING);
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::ACTIVE);
  w.now += 1'000'000;
  measure(w, first, 0.9, 1);
  measure(w, first, 0.8, 2);
  measure(w, first, 0.8, 2); // the file is read again and again
  measure(w, first, 0.7, 2, "unknown");
  CHECK(w.last.writes.empty());
  CHECK(stored(w, id)->getTrials()[0].getMeasurements().size() == 2);
  CHECK(stored(w, id)->getTrials()[0].getMeasurements()[0].getElapsedDuration().getMicros()
        == 1'000'000);
  w.exits(first, 0);
  auto tuning = stored(w, id);
  auto trial = tuning->getTrials()[0];
  CHECK(trial.getState() == wire::Trial::State::SUCCEEDED);
  CHECK(trial.getFinalMeasurement().getMetrics()[0].getValue() == 0.9);
  CHECK(wire::str(trial.getName()).ends_with("/trials/1"));

  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 3);
  suggest(w, id, 3, 1);
  for (uint32_t number : {2u, 3u}) {
    uint64_t job = job_of(w, id, number);
    w.running(job);
    measure(w, job, 0.5, 1);
    w.exits(job, 0);
  }
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  CHECK(stored(w, id)->hasEndTime());
  CHECK(w.last.suggestion_requests.empty());
}

TEST_CASE("reducers get no parameters") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.job = {.pools = {{}, {}, {.image = "troupe/reductionserver"}}}});
  suggest(w, id, 1, 1);
  auto launch = w.sent(Order::LAUNCH, "a").at(0).getLaunch();
  auto pools = launch.getSpec().getWorkerPoolSpecs();
  CHECK(pools[1].getContainerSpec().getArgs().size() == 3);
  CHECK(pools[2].getContainerSpec().getArgs().size() == 0);
  CHECK(!launch.getPools()[1].getReducers());
  CHECK(launch.getPools()[2].getReducers());
}

TEST_CASE("a trial without a finite value of the metric is infeasible") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 2, .failed = 2});
  suggest(w, id, 1, 2);
  uint64_t silent = job_of(w, id, 1), wild = job_of(w, id, 2);
  w.running(silent);
  w.exits(silent, 0);
  w.running(wild);
  measure(w, wild, std::numeric_limits<double>::quiet_NaN(), 1);
  w.exits(wild, 0);
  auto job = stored(w, id);
  auto trials = job->getTrials();
  CHECK(trials[0].getState() == wire::Trial::State::INFEASIBLE);
  CHECK(wire::str(trials[0].getInfeasibleReason()).find("without reporting a metric")
        != std::string::npos);
  CHECK(wire::str(trials[1].getInfeasibleReason()).find("finite") != std::string::npos);
  CHECK(!trials[1].hasFinalMeasurement());
  CHECK(stored(w, id)->getState() == JobState::FAILED);
}

TEST_CASE("with maxFailedTrialCount 0 a failed first trial ends the study and stops the others") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  w.running(job_of(w, id, 2));
  w.exits(job_of(w, id, 1), 1);
  CHECK(stored(w, id)->getState() != JobState::FAILED);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  w.exits(job_of(w, id, 2), 0);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
  CHECK(wire::str(stored(w, id)->getError().getMessage()).starts_with("The first trial failed"));
  CHECK(w.last.suggestion_requests.empty());
}

TEST_CASE("maxFailedTrialCount failures end the study, fewer do not") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .parallel = 1, .failed = 2});
  suggest(w, id, 1, 1);
  w.exits(job_of(w, id, 1), 1);
  CHECK(!stored(w, id)->hasEndTime());
  suggest(w, id, 2, 1);
  w.exits(job_of(w, id, 2), 1);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
}

TEST_CASE("an exhausted search space ends the study when its trials have ended") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 1, true);
  CHECK(w.last.suggestion_requests.empty());
  uint64_t job = job_of(w, id, 1);
  w.running(job);
  measure(w, job, 1, 1);
  w.exits(job, 0);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
}

TEST_CASE("stale and surplus suggestions are dropped") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 7, 2);
  CHECK(stored(w, id)->getTrials().size() == 0);
  suggest(w, id, 1, 9);
  CHECK(stored(w, id)->getTrials().size() == 2);
  suggest(w, id, 1, 2);
  CHECK(stored(w, id)->getTrials().size() == 2);
}

TEST_CASE("cancelling a study cancels its trials and waits for them") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1), two = job_of(w, id, 2);
  w.running(one);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(id); });
  CHECK(w.last.replies.at(0).outcome->isEmpty());
  CHECK(stored(w, id)->getState() == JobState::CANCELLING);
  CHECK(w.state(one) == JobState::CANCELLING);
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::STOPPING);
  w.exits(one, 0);
  w.exits(two, 0);
  CHECK(stored(w, id)->getState() == JobState::CANCELLED);
  CHECK(stored(w, id)->getError().getCode() == 1);

  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteTuningJob(id); });
  CHECK(w.last.replies.at(0).outcome->isOperation());
  CHECK(!w.stored<wire::HyperparameterTuningJob>(store::family::tuning_jobs, id));
  CHECK(w.trials(id).empty());
  CHECK(!w.stored<wire::CustomJob>(store::family::custom_jobs, one));
  CHECK(!w.stored<wire::AttemptRecord>(store::family::attempts, two));
}

TEST_CASE("a live study is not deleted, an unknown one is NOT_FOUND, an invalid one refused") {
  world w;
  uint64_t id = submit(w);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteTuningJob(id); });
  CHECK(w.reply_code() == 9);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(5); });
  CHECK(w.reply_code() == 5);
  w.step([&](wire::Event::Builder event) { world::in_project(event).initCreateTuningJob(); });
  CHECK(w.reply_code() == 3);
  CHECK(w.last.writes.empty());
}

TEST_CASE("a restarted controller asks the tuner again and knows its trials") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  w.restart();
  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 1);
  w.hello();
  suggest(w, id, 1, 2);
  uint64_t job = job_of(w, id, 1);
  w.running(job);
  measure(w, job, 0.25, 1);
  auto before = stored(w, id);
  w.restart();
  w.hello(w.nodes["a"], {{.job = job}, {.job = job_of(w, id, 2)}});
  measure(w, job, 0.25, 1, "accuracy", w.now);
  CHECK(w.last.writes.empty());
  w.exits(job, 0);
  CHECK(stored(w, id)->getTrials()[0].getFinalMeasurement().getMetrics()[0].getValue() == 0.25);
  CHECK(before->getTrials()[0].getMeasurements().size() == 1);
}

TEST_CASE(
    "a trial that the stopping rule gives up is cancelled and succeeds with what it measured") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .study = median});
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1);
  w.running(one);
  CHECK(w.last.stopping_requests.empty()); // nothing is measured yet
  measure(w, one, 0.9, 1);
  REQUIRE(w.last.stopping_requests.size() == 1);
  CHECK(w.last.stopping_requests[0].study == id);
  CHECK(w.last.stopping_requests[0].job->getTrials()[0].getMeasurements().size() == 1);
  measure(w, one, 0.8, 2);
  CHECK(w.last.stopping_requests.empty()); // one at a time
  stop(w, id, 2, "not running");
  CHECK(stored(w, id)->getTrials()[1].getState() == wire::Trial::State::REQUESTED);
  CHECK(w.last.stopping_requests.size() == 1); // for what came meanwhile
  stop(w, id, 1, "worse than the median 0.95 at step 2");
  auto stopped = stored(w, id);
  auto trial = stopped->getTrials()[0];
  CHECK(trial.getState() == wire::Trial::State::STOPPING);
  CHECK(wire::view(trial.getStoppingReason()) == "worse than the median 0.95 at step 2");
  CHECK(w.state(one) == JobState::CANCELLING);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  w.exits(one, 143);
  CHECK(w.state(one) == JobState::CANCELLED);
  CHECK(w.error(one)
        == "CANCELLED: the trial was stopped early: worse than the median 0.95 at step 2");
  bool told = false;
  for (const std::string& line : w.service_logs(one))
    told |= line == "The trial is stopped early: worse than the median 0.95 at step 2";
  CHECK(told);
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::SUCCEEDED);
  CHECK(stored(w, id)->getTrials()[0].getFinalMeasurement().getMetrics()[0].getValue() == 0.9);
  CHECK(w.last.suggestion_requests.size() == 1);
  stop(w, id, 1, "again");
  CHECK(wire::view(stored(w, id)->getTrials()[0].getStoppingReason()).starts_with("worse"));
}

TEST_CASE("verdicts under way when the controller dies are asked for again") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.study = median});
  suggest(w, id, 1, 1);
  uint64_t one = job_of(w, id, 1);
  w.running(one);
  measure(w, one, 0.9, 1);
  w.restart();
  REQUIRE(w.cluster->wake_at());
  w.pass(0);
  CHECK(w.last.stopping_requests.size() == 1);
}

TEST_CASE("studyStoppingConfig ends a tuning job, and says why") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 9, .parallel = 1, .study = [](wire::StudySpec::Builder study) {
                             study.initStudyStoppingConfig().initMaxNumTrials().setNumber(2);
                           }});
  suggest(w, id, 1, 1);
  run(w, id, 1, 0.5);
  CHECK(stored(w, id)->getState() == JobState::RUNNING);
  suggest(w, id, 2, 1);
  run(w, id, 2, 0.75);
  CHECK(w.last.suggestion_requests.empty());
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  CHECK(reason_of(w, id).find("maxNumTrials") != std::string::npos);
  CHECK(wire::view(stored(w, id)->getBestTrial().getId()) == "2");
  CHECK(stored(w, id)->getBestTrial().getMeasurements().size() == 0);
  CHECK(stored(w, id)->getOptimalTrials().size() == 1);
  resume(w, id, 12);
  CHECK(w.reply_code() == 9);
  CHECK(w.reply_error().find("studyStoppingConfig would end it again") != std::string::npos);
}

TEST_CASE("a tuning job whose time is up stops its trials by a timer, without counting failures") {
  world w;
  w.hello();
  uint64_t id =
      submit(w, {.most = 9, .study = [](wire::StudySpec::Builder study) {
                   auto config = study.initStudyStoppingConfig();
                   config.initMaximumRuntimeConstraint().initMaxDuration().setMicros(100'000'000);
                   config.initShouldStopAsap().setBoolean(true);
                 }});
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1), two = job_of(w, id, 2);
  w.running(one);
  w.running(two);
  measure(w, two, 0.5, 1);
  w.restart();
  w.hello(w.nodes["a"], {{.job = one}, {.job = two}});
  w.pass(100);
  CHECK(w.count_sent(Order::STOP, "a") == 2);
  CHECK(reason_of(w, id).find("2 under way: ") != std::string::npos);
  w.exits(one, 143);
  w.exits(two, 143);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  auto tuning = stored(w, id);
  CHECK(tuning->getTrials()[0].getState() == wire::Trial::State::INFEASIBLE);
  CHECK(wire::view(tuning->getTrials()[0].getInfeasibleReason())
            .starts_with("The trial was stopped early without reporting a metric"));
  CHECK(tuning->getTrials()[1].getState() == wire::Trial::State::SUCCEEDED);
}

TEST_CASE("a study that has ended is resumed with its trials") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 2, .parallel = 1});
  resume(w, id, 5);
  CHECK(w.reply_code() == 9);
  CHECK(w.reply_error().find("Cancel it, or wait until it ends") != std::string::npos);
  suggest(w, id, 1, 1);
  run(w, id, 1, 0.5);
  suggest(w, id, 2, 1);
  run(w, id, 2, 0.25);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  resume(w, id, 2);
  CHECK(w.reply_error()
        == "maxTrialCount: 2; expected more than 2, the number of trials made so far");
  resume(w, id, 0);
  CHECK(w.reply_code() == 3);
  resume(w, id, 4, 7);
  CHECK(w.reply_error().starts_with("parallelTrialCount: 7"));
  resume(w, 5, 4);
  CHECK(w.reply_code() == 5);

  resume(w, id, 4, 2, 3);
  auto shown = w.last.replies.at(0).outcome->getTuningJob();
  CHECK(shown.getState() == JobState::PENDING);
  CHECK(shown.getTrials().size() == 2);
  CHECK(shown.getMaxTrialCount() == 4);
  CHECK(shown.getMaxFailedTrialCount() == 3);
  CHECK(!shown.hasEndTime());
  REQUIRE(w.last.suggestion_requests.size() == 1);
  CHECK(w.last.suggestion_requests[0].first_trial == 3);
  CHECK(w.last.suggestion_requests[0].count == 2);
  w.restart();
  w.hello();
  suggest(w, id, 3, 2);
  run(w, id, 3, 0.75);
  run(w, id, 4, 0.1);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
  CHECK(wire::view(stored(w, id)->getBestTrial().getId()) == "3");
}

TEST_CASE("a cancelled or failed study is resumed without its error") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .parallel = 1});
  suggest(w, id, 1, 1);
  w.exits(job_of(w, id, 1), 1);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
  resume(w, id, 0);
  CHECK(w.reply_code() == 0);
  CHECK(!stored(w, id)->hasError());
  suggest(w, id, 2, 1);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(id); });
  w.exits(job_of(w, id, 2), 143);
  CHECK(stored(w, id)->getState() == JobState::CANCELLED);
  resume(w, id, 3);
  CHECK(stored(w, id)->getState() == JobState::PENDING);
  suggest(w, id, 3, 1);
  run(w, id, 3, 0.5);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
}

TEST_CASE("a cancelled trial is not a failed one when the study is resumed") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 4, .parallel = 1});
  suggest(w, id, 1, 1);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setCancelTuningJob(id); });
  w.exits(job_of(w, id, 1), 143);
  CHECK(stored(w, id)->getState() == JobState::CANCELLED);
  CHECK(wire::view(stored(w, id)->getTrials()[0].getStoppingReason()) == "cancelled");
  resume(w, id, 0);
  suggest(w, id, 2, 1);
  w.exits(job_of(w, id, 2), 1);
  // Trial 2 failed, but it is neither the first nor one of many.
  CHECK(stored(w, id)->getState() == JobState::RUNNING);
  suggest(w, id, 3, 1);
  run(w, id, 3, 0.5);
  suggest(w, id, 4, 1);
  run(w, id, 4, 0.5);
  CHECK(stored(w, id)->getState() == JobState::SUCCEEDED);
}

TEST_CASE("the tuner is asked again when it fails, three times in all, then the job fails") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 1);
  auto fails = [&] {
    w.step([&](wire::Event::Builder event) {
      auto answer = event.initSuggestions();
      answer.setStudyId(id);
      answer.setFirstTrial(2);
      answer.setError("there is not enough memory for it");
    });
  };
  fails();
  CHECK(w.last.suggestion_requests.size() == 1);
  w.restart();
  w.hello();
  fails();
  CHECK(w.last.suggestion_requests.size() == 1);
  fails();
  CHECK(w.last.suggestion_requests.empty());
  CHECK(!stored(w, id)->hasEndTime()); // the trial under way may end
  run(w, id, 1, 0.5);
  CHECK(stored(w, id)->getState() == JobState::FAILED);
  CHECK(wire::str(stored(w, id)->getError().getMessage())
            .starts_with("The tuner failed 3 times in a row to suggest trial 2: there is not"));
  CHECK(stored(w, id)->getTrials()[0].getState() == wire::Trial::State::SUCCEEDED);
}

TEST_CASE("a measurement rewrites its own trial only") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1);
  w.running(one);
  measure(w, one, 0.5, 1);
  size_t written = 0;
  for (const auto& write : w.last.writes.writes)
    if (write.where == store::family::trials) {
      ++written;
      CHECK(write.key == fmt::format("{}/{:010}", store::key_of(id), 1));
    }
  CHECK(written == 1);
}

TEST_CASE("a job learns from earlier ones of either kind, and refuses unknown ones") {
  world w;
  w.hello();
  uint64_t first = submit(w, {.most = 1, .parallel = 1});
  suggest(w, first, 1, 1);
  run(w, first, 1, 0.5);
  std::string name = fmt::format("projects/p/locations/l/hyperparameterTuningJobs/{}", first);
  submit(w, {.study = [&](wire::StudySpec::Builder study) {
           study.initTransferLearningConfig().initPriorStudyNames(1).set(0, wire::text(name));
         }});
  REQUIRE(w.last.suggestion_requests.at(0).priors.size() == 1);
  CHECK(w.last.suggestion_requests[0].priors[0]->getTrials().size() == 1);
}

TEST_CASE("a trial needs all metrics of the study at one step") {
  world w;
  w.hello();
  uint64_t id = submit(w, {.most = 2, .failed = 2, .study = [](wire::StudySpec::Builder study) {
                             auto metrics = study.initMetrics(2);
                             metrics[0].setMetricId("accuracy");
                             metrics[1].setMetricId("size");
                             metrics[1].setGoal(wire::MetricSpec::GoalType::MINIMIZE);
                           }});
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1), two = job_of(w, id, 2);
  w.running(one);
  measure(w, one, 0.9, 1);
  measure(w, one, 7, 1, "size");
  measure(w, one, 0.8, 2);
  w.exits(one, 0);
  CHECK(stored(w, id)->getTrials()[0].getFinalMeasurement().getStepCount() == 1);
  w.running(two);
  measure(w, two, 0.9, 1);
  w.exits(two, 0);
  CHECK(wire::str(stored(w, id)->getTrials()[1].getInfeasibleReason())
        == "The trial succeeded without reporting size; expected every metric of the study: "
           "accuracy, size.");
  CHECK(stored(w, id)->getOptimalTrials().size() == 1);
  CHECK(!stored(w, id)->hasBestTrial());
}

TEST_CASE("a database whose jobs still hold their trials is read, and brought to the new form") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  uint64_t one = job_of(w, id, 1);
  w.running(one);
  measure(w, one, 0.25, 1);
  store::batch old;
  old.put(store::family::tuning_jobs, store::key_of(id), stored(w, id).str());
  for (uint32_t n : {1u, 2u})
    old.erase(store::family::trials, fmt::format("{}/{:010}", store::key_of(id), n));
  REQUIRE(w.db->commit(old));
  CHECK(w.trials(id).empty());
  w.restart();
  CHECK(stored(w, id)->getTrials().size() == 2);
  w.hello(w.nodes["a"], {{.job = one}, {.job = job_of(w, id, 2)}});
  w.exits(one, 0);
  CHECK(stored(w, id)->getTrials()[0].getFinalMeasurement().getMetrics()[0].getValue() == 0.25);
}

TEST_CASE("a tuning job's record of version 0.1 is read, and brought to the new form") {
  world w;
  w.hello();
  uint64_t id = submit(w);
  suggest(w, id, 1, 2);
  const auto record = w.stored<wire::TuningJobRecord>(store::family::study_records, id);
  REQUIRE(record);
  store::batch old;
  old.erase(store::family::study_records, store::key_of(id));
  old.put(store::family::attempts, store::key_of(id),
          wire::frame<wire::AttemptRecord>::build([&](wire::AttemptRecord::Builder builder) {
            builder.setJobId(id);
            builder.setProject((*record)->getProject());
            builder.setLocation((*record)->getLocation());
            builder.setToken((*record)->getToken());
            builder.setReason((*record)->getReason());
            builder.setJobRetries(2);
          }).str());
  REQUIRE(w.db->commit(old));
  w.restart();
  CHECK(!w.stored<wire::AttemptRecord>(store::family::attempts, id));
  const auto converted = w.stored<wire::TuningJobRecord>(store::family::study_records, id);
  REQUIRE(converted);
  CHECK(wire::view((*converted)->getToken()) == wire::view((*record)->getToken()));
  CHECK(wire::view((*converted)->getProject()) == "p");
  CHECK((*converted)->getTunerFailures() == 2);
}
