#include "core/studies/trials.hpp"

#include "tests/core/fixture.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

struct trials_fixture : fixture {
  core::client_study& add_study(const std::function<void(wire::StudySpec::Builder)>& fill = {}) {
    const uint64_t id = state.next_id++;
    core::client_study& s = state.client_studies[id];
    s.id = id;
    s.project = "p";
    s.location = "l";
    s.create_micros = state.now;
    s.submitted = wire::frame<wire::Study>::build([&](wire::Study::Builder builder) {
      builder.setName(wire::text("projects/p/locations/l/studies/" + std::to_string(id)));
      auto spec = builder.initStudySpec();
      spec.initMetrics(1)[0].setMetricId("score");
      if (fill) fill(spec);
    });
    return s;
  }

  core::trials trials{state, out, timers};
};

} // namespace

TEST_CASE("a trial that ends is SUCCEEDED, or INFEASIBLE with its reason") {
  trials_fixture f;
  core::client_study& s = f.add_study();
  core::trial& good = s.trials[1];
  f.trials.end(s, good, core::measurement{}, "");
  CHECK(good.state == wire::Trial::State::SUCCEEDED);
  CHECK(good.end_micros == f.state.now);
  core::trial& bad = s.trials[2];
  f.trials.end(s, bad, std::nullopt, "out of memory");
  CHECK(bad.state == wire::Trial::State::INFEASIBLE);
  CHECK(bad.infeasible_reason == "out of memory");
}

TEST_CASE("a study whose time is limited is looked at again when it may be up, and is over then") {
  trials_fixture f;
  core::client_study& s = f.add_study([](wire::StudySpec::Builder spec) {
    spec.initStudyStoppingConfig().initMaximumRuntimeConstraint().initMaxDuration().setMicros(
        60'000'000);
  });
  CHECK(!f.trials.end_by_rule(s).reason);
  REQUIRE(s.look_again_micros == f.state.now + 60'000'000);
  CHECK(f.timers.first_micros() == s.look_again_micros);
  f.state.now += 60'000'000;
  CHECK(f.trials.end_by_rule(s).reason);
}

TEST_CASE("a study without a stopping config never ends by rule, and has no timer") {
  trials_fixture f;
  CHECK(!f.trials.end_by_rule(f.add_study()).reason);
  CHECK(!f.timers.first_micros());
}

TEST_CASE("a prior study must exist in the same project and location") {
  trials_fixture f;
  const std::string prior(f.add_study().name());
  const auto learner = [&](const std::string& name) {
    return wire::frame<wire::StudySpec>::build([&](wire::StudySpec::Builder spec) {
      spec.initTransferLearningConfig().initPriorStudyNames(1).set(0, wire::text(name));
    });
  };
  const auto command = wire::frame<wire::Command>::build([](wire::Command::Builder builder) {
    builder.setProject("p");
    builder.setLocation("l");
  });
  CHECK(f.trials.missing_prior(*learner(prior), *command).empty());
  CHECK(f.trials.missing_prior(*learner(prior + "9"), *command).find("does not exist")
        != std::string::npos);
  const auto other = command.with([](wire::Command::Builder builder) { builder.setProject("q"); });
  CHECK(!f.trials.missing_prior(*learner(prior), *other).empty());
}

TEST_CASE("while the tuner computes stopping rules for a study, it is not asked again") {
  trials_fixture f;
  core::client_study& s = f.add_study();
  core::pending_operation check;
  check.id = 5;
  check.checked = 1;
  s.pending.push_back(check);
  f.trials.ask_stoppings(s);
  f.trials.ask_stoppings(s);
  const auto effects = f.flush();
  REQUIRE(effects.stopping_requests.size() == 1);
  CHECK(effects.stopping_requests[0].operation == 5);
  CHECK(s.stoppings_news);
}

TEST_CASE("a study that has no use for stopping rules does not ask for them") {
  trials_fixture f;
  f.trials.ask_stoppings(f.add_study());
  CHECK(f.flush().stopping_requests.empty());
}
