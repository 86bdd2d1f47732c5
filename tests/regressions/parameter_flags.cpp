// The fault: one study gave a program `--width=2.0` under `troupe tune` and `--width=2` in a tuning
// job, since both wrote parameters by rules of their own. A DOUBLE that happens to be whole was an
// integer in a cluster.
#include "cli/tune/command.hpp"
#include "cli/tune/settings.hpp"
#include "tests/core/world.hpp"
#include "tuner/suggest.hpp"

#include <doctest/doctest.h>

using namespace troupe;

namespace {

using texts = std::vector<std::string>;

constexpr const char* study_text = R"(
metrics: [{metricId: loss, goal: MINIMIZE}]
parameters:
- {parameterId: width, doubleValueSpec: {minValue: 0, maxValue: 4}}
- {parameterId: layers, integerValueSpec: {minValue: 1, maxValue: 8}}
- {parameterId: seed, integerValueSpec: {minValue: 1, maxValue: 9007199254740991}}
- {parameterId: batch, discreteValueSpec: {values: [0.5, 16, 32]}}
- {parameterId: lr, doubleValueSpec: {minValue: 0.000001, maxValue: 1}}
- {parameterId: opt, categoricalValueSpec: {values: [sgd, adam]}}
)";

wire::frame<wire::Suggestions> suggestion(uint64_t study) {
  const std::vector<tuner::parameter_value> chosen = {
      {"width", 2.0},  {"layers", 3.0}, {"seed", 9007199254740991.0},
      {"batch", 16.0}, {"lr", 1e-5},    {"opt", "sgd"}};
  return tuner::to_suggestions(study, 1, {{chosen}, false});
}

/// The arguments of the trial's program in a cluster.
texts in_cluster(wire::StudySpec::Reader study) {
  test::world w;
  w.hello();
  w.step([&](wire::Event::Builder event) {
    auto job = test::world::in_project(event).initCreateTuningJob();
    job.setDisplayName("study");
    job.setMaxTrialCount(1);
    job.setParallelTrialCount(1);
    job.setStudySpec(study);
    test::fill_spec(job.initTrialJobSpec(), {});
  });
  REQUIRE_MESSAGE(w.reply_error().empty(), w.reply_error());
  const auto id =
      test::world::id_of(wire::str(w.last.replies[0].outcome->getTuningJob().getName()));
  const auto suggested = suggestion(id);
  w.step([&](wire::Event::Builder event) { event.setSuggestions(*suggested); });
  const auto trial = w.trials(id).at(0);
  const auto job = w.job(test::world::id_of(wire::str(trial->getCustomJob())));
  texts args;
  for (auto arg : job->getJobSpec().getWorkerPoolSpecs()[0].getContainerSpec().getArgs())
    args.push_back(wire::str(arg));
  args.erase(args.begin()); // the job's own first argument
  return args;
}

/// The same under `troupe tune`.
texts under_tune(wire::StudySpec::Reader study) {
  const tuner::search_space space(study);
  const auto suggested = suggestion(1);
  const auto row = space.row_of(suggested->getParameters()[0].getValues());
  REQUIRE(row);
  const auto command = cli::command_template::parse({"train"}, space);
  REQUIRE(command);
  auto words = command->filled(space.values_of(*row));
  words.erase(words.begin());
  return words;
}

} // namespace

TEST_CASE("a trial gets the same flags in a cluster and under troupe tune") {
  const auto job = cli::tuned_job_of(study_text, "study.yaml");
  REQUIRE_MESSAGE(job, job.error().message);
  const auto study = (*job)->getStudySpec();
  const texts expected{"--width=2.0", "--layers=3", "--seed=9007199254740991",
                       "--batch=16",  "--lr=1e-05", "--opt=sgd"};
  CHECK(in_cluster(study) == expected);
  CHECK(under_tune(study) == expected);
}
