// What clients measure.
#include "tests/core/studies/client_study.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::client_study;

TEST_CASE("measurements come in order, finite, of known metrics, and to running trials only") {
  world w;
  uint64_t id = create(w);
  create_trial(w, id, 0.5);
  measure(w, id, 1, 1, 0.5);
  CHECK(w.reply_code() == 9);
  CHECK(w.reply_error().find("is REQUESTED") != std::string::npos);
  ask(w, id, "one");
  w.now += 3'000'000;
  measure(w, id, 1, 5, 0.5);
  REQUIRE(w.last.replies.at(0).outcome->isTrial());
  CHECK(w.trials(id)[0]->getMeasurements()[0].getElapsedDuration().getMicros() == 3'000'000);
  measure(w, id, 1, 5, 0.5); // the same again
  CHECK(w.reply_code() == 3);
  CHECK(w.reply_error()
        == "measurement: (stepCount, elapsedDuration) is (5, 3s); expected later than (5, 3s), "
           "which is the last one of the trial: measurements are added in order, each once");
  measure(w, id, 1, 4, 0.5);
  CHECK(w.reply_code() == 3);
  measure(w, id, 1, 5, 0.5, "loss", 4);
  CHECK(w.reply_code() == 0);
  measure(w, id, 1, 6, 0.5, "accuracy");
  CHECK(w.reply_error()
        == "measurement.metrics[0].metricId: 'accuracy' is not a metric of the study; expected "
           "one of loss");
  for (double wild :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    measure(w, id, 1, 6, wild);
    CHECK(w.reply_code() == 3);
  }
  measure(w, id, 1, -1, 0.5);
  CHECK(w.reply_error() == "measurement.stepCount: -1; expected 0 or more");
  measure(w, id, 2, 1, 0.5);
  CHECK(w.reply_error()
        == fmt::format("There is no projects/p/locations/l/studies/{}/trials/2.", id));
  CHECK(w.trials(id)[0]->getMeasurements().size() == 2);
  // Only the trial's own record is written.
  measure(w, id, 1, 7, 0.5);
  for (const auto& write : w.last.writes.writes)
    CHECK((write.where == store::family::trials || write.where == store::family::events
           || write.where == store::family::meta));
}
