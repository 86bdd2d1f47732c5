#include "wire/enum_names.hpp"

#include "wire/common.capnp.h"
#include "wire/control.capnp.h"

#include <doctest/doctest.h>

using namespace troupe::wire;

TEST_CASE("an enumerant has the name that JSON gives it") {
  CHECK(enum_name(JobState::RUNNING) == "JOB_STATE_RUNNING");
  CHECK(enum_name(ReplicaPhase::LOST) == "lost");
  CHECK(enum_name(static_cast<JobState>(999)) == "999");
}

TEST_CASE("a name gives its enumerant, and any other text gives none") {
  CHECK(enum_named<JobState>("JOB_STATE_RUNNING") == JobState::RUNNING);
  for (auto text : {"", "running", "JOB_STATE_", "JOB_STATE_NONE", "3"})
    CHECK_FALSE(enum_named<JobState>(text));
}
