// The parts of tuning jobs and client studies, called directly: the ends of tuning jobs, and the
// operations of client studies.
#include "core/studies/studies.hpp"
#include "tests/core/fixture.hpp"

using namespace troupe;
using namespace troupe::test;
using wire::JobState;

namespace {

struct study_fixture : fixture {
  core::tuning_job& add_tuning_job(int32_t trials_max) {
    const uint64_t id = state.next_id++;
    core::tuning_job& job = state.tuning_jobs[id];
    job.id = id;
    job.project = "p";
    job.location = "l";
    job.submitted = wire::frame<wire::HyperparameterTuningJob>::build(
        [&](wire::HyperparameterTuningJob::Builder builder) {
          builder.setMaxTrialCount(trials_max);
          builder.setParallelTrialCount(2);
          builder.initStudySpec().initMetrics(1)[0].setMetricId("score");
          fill_spec(builder.initTrialJobSpec(), {});
        });
    return job;
  }
  core::client_study& add_client_study() {
    const uint64_t id = state.next_id++;
    core::client_study& s = state.client_studies[id];
    s.id = id;
    s.project = "p";
    s.location = "l";
    s.submitted = wire::frame<wire::Study>::build([](wire::Study::Builder builder) {
      auto spec = builder.initStudySpec();
      spec.initMetrics(1)[0].setMetricId("score");
      auto parameter = spec.initParameters(1)[0];
      parameter.setParameterId("x");
      parameter.initDoubleValueSpec().setMaxValue(1);
    });
    return s;
  }
  static wire::frame<wire::Command> command() {
    return wire::frame<wire::Command>::build([](wire::Command::Builder builder) {
      builder.setProject("p");
      builder.setLocation("l");
    });
  }
  static wire::frame<wire::TrialChange> wish(const core::client_study& s, const char* client) {
    return wire::frame<wire::TrialChange>::build([&](wire::TrialChange::Builder change) {
      change.setStudy(s.id);
      auto suggest = change.initSuggest();
      suggest.setSuggestionCount(1);
      suggest.setClientId(client);
    });
  }
  static wire::frame<wire::Suggestions> suggestions(uint64_t study, uint32_t first,
                                                    uint64_t operation, uint32_t count) {
    return wire::frame<wire::Suggestions>::build([&](wire::Suggestions::Builder answer) {
      answer.setStudyId(study);
      answer.setFirstTrial(first);
      answer.setOperation(operation);
      for (auto set : answer.initParameters(count)) {
        auto value = set.initValues(1)[0];
        value.setParameterId("x");
        value.initValue().setNumber(0.5);
      }
    });
  }

  core::attempts attempts{state, out, timers, queue, nodes};
  core::custom_jobs jobs{state, out, queue, attempts};
  core::studies studies{state, out, timers, jobs};
};

} // namespace

TEST_CASE("a tuning job is over when its last trial is, not before") {
  study_fixture f;
  core::tuning_job& job = f.add_tuning_job(1);
  f.studies.suggested(*study_fixture::suggestions(job.id, 1, 0, 1), "secret");
  REQUIRE(job.trials.size() == 1);
  f.studies.ends.finish_if_over(job);
  CHECK(!job.terminal());
  f.studies.shared.end(job, job.trials.at(1), core::measurement{}, "");
  f.studies.ends.finish_if_over(job);
  CHECK(job.state == JobState::SUCCEEDED);
  CHECK(job.end_micros == f.state.now);
}

TEST_CASE("a tuning job all of whose trials failed has failed") {
  study_fixture f;
  core::tuning_job& job = f.add_tuning_job(1);
  f.studies.suggested(*study_fixture::suggestions(job.id, 1, 0, 1), "secret");
  f.studies.shared.end(job, job.trials.at(1), std::nullopt, "no GPU");
  f.studies.ends.finish_if_over(job);
  CHECK(job.state == JobState::FAILED);
  CHECK(job.error->message == "All 1 trials failed. The last one: no GPU");
}

TEST_CASE("an end that is decided cancels the live trials and waits for them") {
  study_fixture f;
  core::tuning_job& job = f.add_tuning_job(4);
  f.studies.suggested(*study_fixture::suggestions(job.id, 1, 0, 2), "secret");
  REQUIRE(job.trials.size() == 2);
  core::custom_job& run = f.state.jobs.at(job.trials.at(1).job);
  CHECK(run.metric_tags == std::vector<std::string>{"score"});
  f.studies.ends.decide(job, JobState::CANCELLED, core::failure{errc::cancelled, "CANCELLED"});
  CHECK(run.state == JobState::CANCELLED);
  CHECK(job.state == JobState::CANCELLED);
  CHECK(job.live_trials() == 0);
}

TEST_CASE("no more trials run at once than parallelTrialCount") {
  study_fixture f;
  core::tuning_job& job = f.add_tuning_job(5);
  f.studies.suggested(*study_fixture::suggestions(job.id, 1, 0, 5), "secret");
  CHECK(job.trials.size() == 2);
  f.studies.ask_suggestions();
  CHECK(f.flush().suggestion_requests.empty());
}

TEST_CASE("a client gets a suggestion of the tuner, which is computed once") {
  study_fixture f;
  core::client_study& s = f.add_client_study();
  f.studies.operations.suggest(*study_fixture::wish(s, "one"), *study_fixture::command());
  auto effects = f.flush();
  REQUIRE(effects.suggestion_requests.size() == 1);
  REQUIRE(s.pending.size() == 1);
  f.studies.operations.advance(s);
  CHECK(f.flush().suggestion_requests.empty());
  f.studies.suggested(*study_fixture::suggestions(s.id, 1, s.pending[0].id, 1), "");
  CHECK(s.pending.empty());
  CHECK(s.trials.at(1).state == wire::Trial::State::ACTIVE);
  CHECK(s.trials.at(1).client == "one");
}

TEST_CASE("the tuner's answer for another kind of study, or for none, changes nothing") {
  study_fixture f;
  core::client_study& s = f.add_client_study();
  f.studies.suggested(*study_fixture::suggestions(s.id, 1, 99, 1), "");
  f.studies.suggested(*study_fixture::suggestions(12345, 1, 0, 1), "");
  CHECK(s.trials.empty());
  CHECK(f.state.jobs.empty());
}
