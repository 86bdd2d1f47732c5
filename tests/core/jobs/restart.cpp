#include "core/jobs/restart.hpp"

#include <doctest/doctest.h>

using namespace troupe::core;
using troupe::wire::ReplicaPhase;

TEST_CASE("exit classes") {
  CHECK(classify({.exit_code = 0}) == exit_class::success);
  CHECK(classify({.exit_code = 1}) == exit_class::permanent);
  CHECK(classify({.exit_code = 127}) == exit_class::permanent);
  CHECK(classify({.exit_code = 134}) == exit_class::transient);
  CHECK(classify({.exit_code = 139}) == exit_class::transient);
  CHECK(classify({.exit_code = 255}) == exit_class::permanent);
  CHECK(classify({.signal = 9}) == exit_class::transient);
  CHECK(classify({.signal = 9, .out_of_memory = true}) == exit_class::permanent);
  CHECK(classify({.phase = ReplicaPhase::FAILED}) == exit_class::transient);
  CHECK(classify({.phase = ReplicaPhase::FAILED, .permanent = true}) == exit_class::permanent);
  CHECK(classify({.phase = ReplicaPhase::LOST}) == exit_class::lost);
}

TEST_CASE("verdicts") {
  restart_facts facts{.restarts_max = 5, .retries_max = 3};
  CHECK(judge(exit_class::success, facts) == verdict::keep);
  CHECK(judge(exit_class::transient, facts) == verdict::restart_replica);
  CHECK(judge(exit_class::permanent, facts) == verdict::fail_job);
  CHECK(judge(exit_class::lost, facts) == verdict::replace_job);
  facts.primary = true;
  CHECK(judge(exit_class::success, facts) == verdict::succeed_job);
  facts.restart_job_on_worker_restart = true;
  CHECK(judge(exit_class::transient, facts) == verdict::restart_all);
  facts.incarnation = 5;
  CHECK(judge(exit_class::transient, facts) == verdict::retry_job);
  facts.job_retries = 3;
  CHECK(judge(exit_class::transient, facts) == verdict::fail_job);
  CHECK(judge(exit_class::lost, facts) == verdict::replace_job);
  facts = {.disable_retries = true};
  CHECK(judge(exit_class::transient, facts) == verdict::fail_job);
  CHECK(judge(exit_class::lost, facts) == verdict::fail_job);
}

TEST_CASE("failure texts carry what the replica last wrote") {
  CHECK(failure_text("workerpool0-0", {.exit_code = 2}, "")
        == "The replica workerpool0-0 exited with a non-zero status of 2. Termination reason: "
           "Error.");
  CHECK(failure_text("workerpool1-3", {.signal = 6}, "assert\n\n")
        == "The replica workerpool1-3 exited with a non-zero status of 134. Termination reason: "
           "Signal SIGABRT.\n"
           "assert");
  CHECK(failure_text("workerpool1-3", {.exit_code = 137}, "").ends_with("Signal SIGKILL."));
  CHECK(failure_text("workerpool1-3", {.signal = 40}, "").ends_with("Signal 40."));
}
