#include "wire/lifecycle.hpp"

#include "wire/enum_names.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace troupe;

TEST_CASE("a job is over in five states and in no other") {
  std::set<std::string> over;
  for (auto each : capnp::Schema::from<wire::JobState>().getEnumerants())
    if (wire::is_over(static_cast<wire::JobState>(each.getOrdinal())))
      over.insert(wire::enum_name(static_cast<wire::JobState>(each.getOrdinal())));
  CHECK(over
        == std::set<std::string>{"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED",
                                 "JOB_STATE_EXPIRED", "JOB_STATE_PARTIALLY_SUCCEEDED"});
}

TEST_CASE("a replica lives while it is launched and while it runs") {
  CHECK(wire::is_live(wire::ReplicaPhase::LAUNCHING));
  CHECK(wire::is_live(wire::ReplicaPhase::RUNNING));
  CHECK_FALSE(wire::is_live(wire::ReplicaPhase::EXITED));
  CHECK_FALSE(wire::is_live(wire::ReplicaPhase::FAILED));
  CHECK_FALSE(wire::is_live(wire::ReplicaPhase::LOST));
}

TEST_CASE("a state that a newer version wrote is not over and a phase not live") {
  CHECK_FALSE(wire::is_over(static_cast<wire::JobState>(999)));
  CHECK_FALSE(wire::is_live(static_cast<wire::ReplicaPhase>(999)));
}
