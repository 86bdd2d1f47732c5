#include "core/state/timers.hpp"

#include <doctest/doctest.h>

using namespace troupe::core;

TEST_CASE("among what is due, nodes come before jobs, and jobs before studies") {
  timers due;
  due.arm(timer::of_study(1), 10);
  due.arm(timer::of_job(2), 20);
  due.arm(timer::of_node("a"), 30);
  due.arm(timer::of_job(3), 15);
  CHECK(due.take_due(30) == timer::of_node("a"));
  CHECK(due.take_due(30) == timer::of_job(3));
  CHECK(due.take_due(30) == timer::of_job(2));
  CHECK(due.take_due(30) == timer::of_study(1));
  CHECK(!due.take_due(30));
}

TEST_CASE("an entry that is armed again has its new time only") {
  timers due;
  due.arm(timer::of_job(1), 10);
  due.arm(timer::of_job(1), 20);
  CHECK(!due.take_due(19));
  CHECK(due.first_micros() == 20);
  CHECK(due.take_due(20) == timer::of_job(1));
  CHECK(!due.first_micros());
}

TEST_CASE("an entry that was disarmed never becomes due") {
  timers due;
  due.arm(timer::of_node("a"), 10);
  due.arm(timer::of_node("b"), 20);
  due.disarm(timer::of_node("a"));
  due.disarm(timer::of_node("unknown"));
  CHECK(due.first_micros() == 20);
  CHECK(due.take_due(100) == timer::of_node("b"));
  CHECK(!due.take_due(100));
}

TEST_CASE("a study and a job of the same id have their own entries") {
  timers due;
  due.arm(timer::of_study(1), 10);
  due.arm(timer::of_job(1), 10);
  due.disarm(timer::of_job(1));
  CHECK(due.take_due(10) == timer::of_study(1));
}
