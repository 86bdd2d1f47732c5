#include "tests/core/fixture.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("the scheduler plans again only when something was queued or freed") {
  fixture f;
  core::node& n = f.add_node("a", 1);
  core::custom_job& job = f.add_job({.pools = {{.machine = "custom-2-1024"}}});
  f.queue.enqueue(job);
  CHECK(f.queue.next_placements().empty());
  n.total.cpu_millis = 2000;
  CHECK(f.queue.next_placements().empty());
  f.queue.freed();
  CHECK(f.queue.next_placements().size() == 1);
}

TEST_CASE("a placed job is out of the queue, with a node for each replica") {
  fixture f;
  f.add_node("a", 1);
  f.add_node("b", 1);
  core::custom_job& job = f.add_job({.pools = {{}, {}}});
  f.queue.enqueue(job);
  CHECK(f.queue.waits(job.id));
  const auto placed = f.queue.next_placements();
  REQUIRE(placed.size() == 1);
  CHECK(placed[0].job == job.id);
  REQUIRE(placed[0].replicas.size() == 2);
  CHECK(placed[0].replicas[0].node != placed[0].replicas[1].node);
  CHECK(!f.queue.waits(job.id));
}

TEST_CASE("a node that is closed gets nothing") {
  fixture f;
  core::node& n = f.add_node("a");
  core::custom_job& job = f.add_job();
  f.queue.enqueue(job);
  SUBCASE("because it is in quarantine") { n.quarantine = "a replica outlived its deadline"; }
  SUBCASE("because something unexpected runs there") { n.unexpected.insert({1, 1, 0, 0, 0}); }
  SUBCASE("because it is away") { n.connected = false; }
  CHECK(f.queue.next_placements().empty());
  CHECK(f.queue.waits(job.id));
}

TEST_CASE("reasons are written for the head of the queue, and again only after a change") {
  fixture f;
  f.add_node("a", 1);
  core::custom_job& head = f.add_job({.pools = {{.machine = "custom-2-1024"}}});
  core::custom_job& next = f.add_job({.pools = {{.machine = "custom-2-1024"}}});
  f.queue.enqueue(head);
  f.queue.enqueue(next);
  f.queue.refresh_reasons();
  CHECK(head.reason.find("can never start") != std::string::npos);
  head.reason = next.reason = "untouched";
  f.queue.refresh_reasons();
  CHECK(head.reason == "untouched");
  f.queue.books_changed();
  f.queue.refresh_reasons();
  CHECK(head.reason != "untouched");
  CHECK(next.reason != "untouched");
}
