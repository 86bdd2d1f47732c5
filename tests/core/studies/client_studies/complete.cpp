// How trials of client studies are completed.
#include "tests/core/studies/client_study.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::client_study;

TEST_CASE("a trial is completed once: by what is given, by what was measured, or as infeasible") {
  world w;
  uint64_t id = create(w, "study", [](wire::StudySpec::Builder spec) {
    spec.setMeasurementSelectionType(wire::StudySpec::MeasurementSelectionType::BEST_MEASUREMENT);
  });
  for (int i = 0; i < 4; ++i)
    make_active(w, id, fmt::format("client-{}", i), 0.1 * i);
  complete(w, id, 1, 0.25);
  CHECK(w.last.replies.at(0).outcome->getTrial().getState() == state::SUCCEEDED);
  CHECK(w.trials(id)[0]->getFinalMeasurement().getMetrics()[0].getValue() == 0.25);
  CHECK(w.trials(id)[0]->hasEndTime());
  complete(w, id, 1, 0.5);
  CHECK(w.reply_code() == 9);
  measure(w, id, 1, 9, 0.5);
  CHECK(w.reply_code() == 9);

  measure(w, id, 2, 1, 0.5);
  measure(w, id, 2, 2, 0.25);
  measure(w, id, 2, 3, 0.75);
  complete(w, id, 2);
  CHECK(w.trials(id)[1]->getFinalMeasurement().getStepCount() == 2);

  complete(w, id, 3);
  CHECK(w.trials(id)[2]->getState() == state::INFEASIBLE);
  CHECK(wire::str(w.trials(id)[2]->getInfeasibleReason()).find("none of its 0 measurements")
        != std::string::npos);
  complete(w, id, 4, std::numeric_limits<double>::quiet_NaN());
  CHECK(w.reply_code() == 3);
  complete(w, id, 4, 0.5, "diverged");
  CHECK(w.reply_code() == 3);
  complete(w, id, 4, {}, "diverged");
  CHECK(w.trials(id)[3]->getState() == state::INFEASIBLE);
  CHECK(wire::str(w.trials(id)[3]->getInfeasibleReason()) == "diverged");
}
