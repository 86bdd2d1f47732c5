// How tuning jobs are read that older versions stored.
#include "tests/core/studies/tuning_job.hpp"

#include <limits>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::test::tuning_job;

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
