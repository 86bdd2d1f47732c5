#include "core/scheduler/plan.hpp"

#include <doctest/doctest.h>

using namespace troupe::core;

namespace {

std::vector<pool_demand> cpus(uint64_t count, uint64_t replicas = 1) {
  return {pool_demand{0, replicas, {.cpu_millis = count * 1000, .memory_bytes = 1}}};
}

void add(job_queue& queue, uint64_t job, const std::vector<pool_demand>& pools) {
  queue.add(job, shape_of(pools), pools);
}

/// Nodes of so many cpus, of which so many are free.
plan_view nodes(const std::vector<std::pair<uint64_t, uint64_t>>& total_and_free) {
  plan_view view;
  for (const auto& [total, free] : total_and_free) {
    view.total.push_back({{.cpu_millis = total * 1000, .memory_bytes = 1 << 20}, 100, true});
    view.free.push_back({{.cpu_millis = free * 1000, .memory_bytes = 1 << 20}, 100, true});
  }
  view.create_micros = [](uint64_t) { return 0; };
  return view;
}

std::vector<uint64_t> started(job_queue& queue, plan_view view) {
  std::vector<uint64_t> jobs;
  for (const placement& p : plan(queue, std::move(view)))
    jobs.push_back(p.job);
  return jobs;
}

} // namespace

TEST_CASE("jobs start in the order of submission, whatever their shapes, until nothing is left") {
  job_queue queue;
  add(queue, 1, cpus(1));
  add(queue, 2, cpus(2));
  add(queue, 3, cpus(1));
  add(queue, 4, cpus(1));
  CHECK(started(queue, nodes({{4, 4}})) == std::vector<uint64_t>{1, 2, 3});
}

TEST_CASE("a job that does not fit lets smaller ones pass") {
  job_queue queue;
  add(queue, 1, cpus(4));
  add(queue, 2, cpus(1));
  CHECK(started(queue, nodes({{4, 3}})) == std::vector<uint64_t>{2});
}

TEST_CASE("after ten minutes the head keeps the nodes that it could use for itself") {
  job_queue queue;
  add(queue, 1, cpus(4));
  add(queue, 2, cpus(1));
  plan_view view = nodes({{4, 3}, {2, 2}});
  view.now_micros = reservation_after_micros + 1;
  const auto placements = plan(queue, std::move(view));
  REQUIRE(placements.size() == 1);
  CHECK(placements[0].job == 2);
  CHECK(placements[0].assignments[0].node == 1);
}

TEST_CASE("what could not run on empty nodes reserves nothing") {
  job_queue queue;
  add(queue, 1, cpus(8));
  add(queue, 2, cpus(1));
  plan_view view = nodes({{4, 4}});
  view.now_micros = reservation_after_micros + 1;
  CHECK(started(queue, std::move(view)) == std::vector<uint64_t>{2});
}

TEST_CASE("a shape that did not fit is tried again only after the queue is unblocked") {
  job_queue queue;
  add(queue, 1, cpus(4));
  CHECK(started(queue, nodes({{4, 3}})).empty());
  CHECK(started(queue, nodes({{4, 4}})).empty());
  queue.unblock();
  CHECK(started(queue, nodes({{4, 4}})) == std::vector<uint64_t>{1});
}
