// What a study learns from earlier ones.
#include "tests/core/studies/client_study.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::client_study;

TEST_CASE("earlier studies must exist; one deleted later is done without") {
  world w;
  uint64_t first = create(w);
  make_active(w, first, "one", 0.5);
  complete(w, first, 1, 0.125);
  auto learns_from = [&](const std::string& name) {
    return [name](wire::StudySpec::Builder spec) {
      spec.initTransferLearningConfig().initPriorStudyNames(1).set(0, wire::text(name));
    };
  };
  CHECK(create(w, "bad", learns_from("projects/p/locations/l/studies/7")) == 0);
  CHECK(w.reply_error().starts_with(
      "studySpec.transferLearningConfig.priorStudyNames[0]: 'projects/p/locations/l/studies/7' "
      "does not exist"));
  CHECK(create(w, "elsewhere", learns_from(fmt::format("projects/q/locations/l/studies/{}", first)))
        == 0);
  uint64_t second =
      create(w, "second", learns_from(fmt::format("projects/p/locations/l/studies/{}", first)));
  ask(w, second, "one");
  auto request = w.last.suggestion_requests.at(0);
  REQUIRE(request.priors.size() == 1);
  CHECK(request.priors[0]->getTrials()[0].getFinalMeasurement().getMetrics()[0].getValue()
        == 0.125);
  CHECK(request.priors[0]->getStudySpec().getMetrics().size() == 1);
  w.step([&](wire::Event::Builder event) { world::in_project(event).setDeleteStudy(first); });
  suggest(w, request, {0.1});
  ask(w, second, "two");
  CHECK(w.last.suggestion_requests.at(0).priors.empty());
}
