#include "tests/core/fixture.hpp"

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

size_t writes_to(const core::effects& effects, store::family kind) {
  return static_cast<size_t>(std::ranges::count(effects.writes.writes, kind, &store::write::where));
}

} // namespace

TEST_CASE("a record that is marked twice is written once, as it is at the end of the step") {
  fixture f;
  core::custom_job& job = f.add_job();
  f.out.changed(job);
  job.state = wire::JobState::RUNNING;
  f.out.changed(job);
  const core::effects effects = f.flush();
  REQUIRE(writes_to(effects, store::family::custom_jobs) == 1);
  for (const store::write& write : effects.writes.writes)
    if (write.where == store::family::custom_jobs)
      CHECK((*wire::frame<wire::CustomJob>::parse(*write.value))->getState()
            == wire::JobState::RUNNING);
}

TEST_CASE("the event and the cluster's record are stored when something changed, and only then") {
  fixture f;
  CHECK(f.flush().writes.empty());
  f.out.changed();
  const core::effects effects = f.flush();
  CHECK(writes_to(effects, store::family::events) == 1);
  CHECK(writes_to(effects, store::family::meta) == 1);
  CHECK(f.flush().writes.empty());
}

TEST_CASE("orders go to connected nodes only, each with the next sequence") {
  fixture f;
  core::node& n = f.add_node("a");
  core::node& away = f.add_node("b");
  away.connected = false;
  const auto fill = [](wire::Order::Builder order) { order.initForget(); };
  f.out.send(n, fill);
  f.out.send(away, fill);
  f.out.send(n, fill);
  const core::effects effects = f.flush();
  REQUIRE(effects.orders.size() == 2);
  CHECK(effects.orders[0].node == "a");
  CHECK(effects.orders[1].message->getSequence() == effects.orders[0].message->getSequence() + 1);
  CHECK(wire::view(effects.orders[0].message->getClusterId()) == "c0ffee");
}

TEST_CASE("nobody is answered where the event has no request") {
  fixture f;
  f.out.begin(0);
  f.out.answer_empty();
  CHECK(f.flush().replies.empty());
  f.out.answer_error(errc::not_found, "gone");
  const core::effects effects = f.flush();
  REQUIRE(effects.replies.size() == 1);
  CHECK(effects.replies[0].outcome->getError().getCode() == static_cast<int>(errc::not_found));
}

TEST_CASE("a deleted job gets no more log lines, and is dropped with its attempt record") {
  fixture f;
  core::custom_job& job = f.add_job();
  const uint64_t id = job.id;
  f.out.log(job, "INFO", "first");
  CHECK(job.service_logs == 1);
  f.out.erase_resource(job);
  job.deleted = true;
  f.out.log(job, "INFO", "second");
  CHECK(job.service_logs == 1);
  f.out.drop(job);
  const core::effects effects = f.flush();
  CHECK(!f.state.jobs.contains(id));
  CHECK(writes_to(effects, store::family::attempts) == 1);
  CHECK(effects.writes.range_deletes.size() == 1);
}
