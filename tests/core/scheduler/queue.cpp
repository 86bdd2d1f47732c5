#include "tests/core/world.hpp"

#include <set>

using namespace troupe;
using namespace troupe::test;
using wire::Order;

TEST_CASE("jobs are placed in the order of submission when nodes have room") {
  world w;
  w.hello({.cpus = 1});
  std::vector<uint64_t> jobs;
  for (int i = 0; i < 4; ++i)
    jobs.push_back(w.submit());
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 4; ++k)
      CHECK(w.state(jobs[k])
            == (k < i    ? JobState::SUCCEEDED
                : k == i ? JobState::PENDING
                         : JobState::QUEUED));
    w.exits(jobs[i], 0);
  }
}

TEST_CASE("a job that does not fit lets smaller ones pass, but not forever") {
  world w;
  w.hello({.cpus = 4});
  uint64_t first = w.submit({.pools = {{.machine = "custom-3-1024"}}});
  uint64_t large = w.submit({.pools = {{.machine = "custom-4-1024"}}});
  uint64_t small = w.submit();
  CHECK(w.state(large) == JobState::QUEUED);
  CHECK(w.state(small) == JobState::PENDING);
  w.exits(small, 0);
  w.pass(601);
  uint64_t later = w.submit();
  CHECK(w.state(later) == JobState::QUEUED);
  w.hello({.name = "tiny", .cpus = 1});
  CHECK(w.count_sent(Order::LAUNCH, "tiny") == 1); // of no use to the large job
  uint64_t last = w.submit();
  CHECK(w.state(last) == JobState::QUEUED);
  SUBCASE("it runs when the others have left") {
    w.exits(first, 0);
    CHECK(w.state(large) == JobState::PENDING);
    CHECK(w.state(last) == JobState::QUEUED);
  }
  SUBCASE("without it the others go on") {
    w.cancel(large);
    CHECK(w.state(last) == JobState::PENDING);
  }
}

TEST_CASE("what can never run reserves nothing") {
  world w;
  w.hello({.cpus = 4});
  w.submit({.pools = {{.machine = "custom-64-1024"}}});
  w.pass(1000);
  CHECK(w.state(w.submit()) == JobState::PENDING);
}

TEST_CASE("replicas of one node never share a port") {
  world w;
  w.hello({.cpus = 100, .ports = 3});
  uint64_t a = w.submit(), b = w.submit(), c = w.submit(), d = w.submit();
  std::set<uint16_t> ports;
  for (uint64_t id : {a, b, c})
    ports.insert(w.attempt(id)->getReplicas()[0].getPort());
  CHECK(ports.size() == 3);
  CHECK(w.state(d) == JobState::QUEUED);
  CHECK(w.reason(d) == "waiting for 1 more free ports");
  w.exits(b, 0);
  CHECK(w.state(d) == JobState::PENDING);
}

TEST_CASE("reasons follow the queue") {
  world w;
  w.hello({.cpus = 1});
  uint64_t a = w.submit(), b = w.submit(), c = w.submit();
  CHECK(w.reason(b) == "waiting for 1 more cpus");
  CHECK(w.reason(c) == "waiting for 1 more cpus; 1 job is ahead");
  w.exits(a, 0);
  CHECK(w.reason(c) == "waiting for 1 more cpus");
  for (int i = 0; i < 10; ++i)
    w.submit();
  uint64_t last = w.submit();
  CHECK(w.reason(last) == "waiting for its turn; 8 or more jobs are ahead");
}

TEST_CASE("a GPU job waits for its type and says so") {
  world w;
  w.hello({.gpus = 1});
  uint64_t id = w.submit({.pools = {{.gpus = 2}}});
  CHECK(w.reason(id)
        == "waiting for 2 GPUs of type NVIDIA_L4 per replica: no node has that many (largest: node "
           "a with 1)");
  w.hello({.name = "b", .cpus = 64, .gpus = 2});
  CHECK(w.state(id) == JobState::PENDING);
}

TEST_CASE("ten thousand queued jobs do not slow an event down") {
  world w;
  w.hello({.cpus = 1});
  uint64_t first = w.submit();
  auto event = [&](auto fill) {
    return wire::frame<wire::Event>::build([&](wire::Event::Builder builder) {
      builder.setAtMicros(w.now);
      fill(builder);
    });
  };
  auto submission = event([](wire::Event::Builder builder) {
    auto job = world::in_project(builder).initCreateCustomJob();
    job.setDisplayName("x");
    fill_spec(job.initJobSpec(), {});
  });
  for (int i = 0; i < 10'000; ++i)
    REQUIRE(w.db->commit(w.cluster->on(submission).writes));
  // Work is counted in records written: it must not grow with the queue.
  w.exits(first, 0);
  CHECK(w.last.writes.writes.size() < 30);
  CHECK(w.count_sent(Order::LAUNCH) == 1);
}
