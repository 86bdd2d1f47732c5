#include "cli/jobs/views.hpp"

#include "cli/terminal/format.hpp"
#include "tests/cli/test_console.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

using namespace troupe;
using namespace troupe::cli;

namespace {

instant noon() {
  setenv("TZ", "UTC", 1);
  tzset();
  return *parse_time("2026-11-23T12:00:00Z");
}

constexpr auto tuning = R"({
  "name":"projects/local/locations/local/hyperparameterTuningJobs/1000000000000000001","displayName":"digits",
  "state":"JOB_STATE_RUNNING","createTime":"2026-11-23T11:59:00Z","startTime":"2026-11-23T11:59:10Z",
  "maxTrialCount":4,"parallelTrialCount":2,"bestTrial":{"id":"2"},
  "studySpec":{"metrics":[{"metricId":"accuracy","goal":"MAXIMIZE"}],"algorithm":"RANDOM_SEARCH"},
  "trialJobSpec":{"baseOutputDirectory":{"outputUriPrefix":"/out/x"},
    "workerPoolSpecs":[{"machineSpec":{"machineType":"m"},"replicaCount":"1","containerSpec":{"imageUri":"host","command":["python3","a b.py"]}},{}]},
  "trials":[
   {"id":"1","state":"SUCCEEDED","startTime":"2026-11-23T11:59:10Z","endTime":"2026-11-23T11:59:22Z",
    "parameters":[{"parameterId":"lr","value":0.123456789},{"parameterId":"opt","value":"sgd"}],
    "finalMeasurement":{"stepCount":"10","metrics":[{"metricId":"accuracy","value":0.91}]},"customJob":"projects/local/locations/local/customJobs/1000000000000000002"},
   {"id":"2","state":"SUCCEEDED","parameters":[{"parameterId":"lr","value":1}],
    "finalMeasurement":{"stepCount":"12","metrics":[{"metricId":"accuracy","value":0.97}]},"customJob":"projects/local/locations/local/customJobs/1000000000000000003"},
   {"id":"3","state":"ACTIVE","startTime":"2026-11-23T11:59:50Z","measurements":[{"stepCount":"1","metrics":[{"metricId":"accuracy","value":0.5}]},{"stepCount":"2","metrics":[{"metricId":"accuracy","value":0.99}]}]},
   {"id":"4","state":"INFEASIBLE","infeasibleReason":"no metric\nreported"}]})";

} // namespace

TEST_CASE("a list of jobs has one row for each, with its state and duration") {
  test_console console;
  auto job = document(tuning);
  CHECK(joined(job_list(console.at, {job.root()}, tuning_job_kind, noon()))
        == "ID                   NAME    STATE    TRIALS  CREATED              DURATION\n"
           "1000000000000000001  digits  RUNNING     3/4  2026-11-23 11:59:00       50s\n");
  auto custom = document(
      R"({"name":"a/b/7","displayName":"q\u001b[2J","state":"JOB_STATE_PENDING","createTime":"2026-11-23T11:59:00Z"})");
  CHECK(joined(job_list(console.at, {custom.root()}, custom_job_kind, noon()))
        == "ID  NAME   STATE    CREATED              DURATION\n"
           "7   q\uFFFD[2J  PENDING  2026-11-23 11:59:00         -\n");
}

TEST_CASE("the best trial is the one that the server names, and there is none when it names none") {
  auto job = document(tuning);
  CHECK(best_trial(job.root())["id"].text() == "2");
  CHECK(best_trial(job.root())["customJob"].text().ends_with("/1000000000000000003"));
  std::string text = tuning;
  // Trial 1 measured less. The server may have a reason, such as a safety metric that 2 violates.
  auto other = document(
      text.replace(text.find(R"("bestTrial":{"id":"2"})"), 22, R"("bestTrial":{"id":"1"})"));
  CHECK(best_trial(other.root())["id"].text() == "1");
  CHECK_FALSE(best_trial(document(R"({"trials":[{"id":"1","state":"ACTIVE"}]})").root()));
  CHECK_FALSE(best_trial(
      document(R"({"bestTrial":{"id":"9"},"trials":[{"id":"1","state":"SUCCEEDED"}]})").root()));
}

TEST_CASE("the description of a tuning job shows its study, its trials and the best one") {
  test_console console;
  auto job = document(tuning);
  auto text = joined(tuning_job_view(console.at, job.root(), {{"3", "2 more CPUs"}}, noon()));
  CHECK(text
        == "hyperparameter tuning job digits\n"
           "  id         1000000000000000001\n"
           "  name       "
           "projects/local/locations/local/hyperparameterTuningJobs/1000000000000000001\n"
           "  state      RUNNING\n"
           "  created    2026-11-23 11:59:00 (1m ago)\n"
           "  started    2026-11-23 11:59:10 (50s ago)\n"
           "  duration   50s\n"
           "  goal       maximize accuracy\n"
           "  trials     4 at most, 2 at a time\n"
           "  search     RANDOM_SEARCH\n"
           "  output     /out/x\n"
           "\n"
           "worker pools\n"
           "  POOL  REPLICAS  MACHINE  ACCELERATORS  RUNS\n"
           "  0            1  m                      host: python3 'a b.py'\n"
           "  1            0                         (skipped)\n"
           "\n"
           "trials\n"
           "  TRIAL  STATE       ACCURACY  STEP  TIME  PARAMETERS\n"
           "      1  SUCCEEDED       0.91    10   12s  lr=0.123457 opt=sgd\n"
           "    * 2  SUCCEEDED       0.97    12     -  lr=1\n"
           "      3  ACTIVE          0.99     2   10s    waits: 2 more CPUs\n"
           "      4  INFEASIBLE                     -    no metric\n"
           "\n"
           "best trial 2\n"
           "  accuracy   0.97\n"
           "  parameters lr=1\n"
           "  model      /out/x/2/model/\n"
           "  job        1000000000000000003\n");
}

TEST_CASE("a stopped trial shows the reason, and the job shows the stopping rule") {
  test_console console;
  auto job = document(R"({"displayName":"x","maxTrialCount":9,
    "studySpec":{"metrics":[{"metricId":"loss","goal":"MINIMIZE"},
      {"metricId":"latency","goal":"MINIMIZE","safetyConfig":{"safetyThreshold":5}}],
      "medianAutomatedStoppingSpec":{}},
    "trials":[{"id":"1","state":"SUCCEEDED","parameters":[{"parameterId":"lr","value":1}],
      "stoppingReason":"median: 0.9 is worse than 0.5\nat step 3",
      "finalMeasurement":{"stepCount":"3","metrics":[{"metricId":"loss","value":0.9},{"metricId":"latency","value":7}]}},
     {"id":"2","state":"SUCCEEDED","parameters":[{"parameterId":"lr","value":2}],
      "finalMeasurement":{"stepCount":"9","metrics":[{"metricId":"loss","value":0.95},{"metricId":"latency","value":3}]}}],
    "bestTrial":{"id":"2"},"optimalTrials":["2"]})");
  auto text = joined(tuning_job_view(console.at, job.root(), {}, noon()));
  for (auto part : {"  goal       minimize loss\n", "  goal       keep latency safe: at most 5\n",
                    "  stopping   median rule, 1 trial stopped\n",
                    "  TRIAL  STATE      LOSS  LATENCY  STEP  TIME  PARAMETERS\n",
                    "      1  SUCCEEDED   0.9        7     3     -  lr=1  stopped: median: 0.9 is "
                    "worse than 0.5\n",
                    "    * 2  SUCCEEDED  0.95        3     9     -  lr=2\n", "best trial 2\n"})
    CHECK_MESSAGE(text.contains(part), text);
}

TEST_CASE("a job with several objectives shows its Pareto front") {
  test_console console;
  auto job = document(R"({"displayName":"x","state":"JOB_STATE_RUNNING","maxTrialCount":9,
    "studySpec":{"metrics":[{"metricId":"loss","goal":"MINIMIZE"},{"metricId":"size","goal":"MINIMIZE"}]},
    "trialJobSpec":{"baseOutputDirectory":{"outputUriPrefix":"/out/"}},
    "trials":[
     {"id":"1","state":"SUCCEEDED","endTime":"x","parameters":[{"parameterId":"w","value":8}],"finalMeasurement":{"metrics":[{"metricId":"loss","value":0.5},{"metricId":"size","value":10}]}},
     {"id":"2","state":"SUCCEEDED","endTime":"x","parameters":[{"parameterId":"w","value":9}],"finalMeasurement":{"metrics":[{"metricId":"loss","value":0.6},{"metricId":"size","value":12}]}},
     {"id":"3","state":"SUCCEEDED","endTime":"x","parameters":[{"parameterId":"w","value":4}],"finalMeasurement":{"metrics":[{"metricId":"loss","value":0.7},{"metricId":"size"}]}}],
    "optimalTrials":["1","3"]})");
  CHECK(joined(best_trial_view(console.at, job.root()))
        == "Pareto front: no other trial beats these in every goal\n"
           "  TRIAL  LOSS  SIZE  PARAMETERS  MODEL\n"
           "      1   0.5    10  w=8         /out/1/model/\n"
           "      3   0.7     0  w=4         /out/3/model/\n");
  CHECK_FALSE(best_trial(job.root()));
  CHECK(tuning_job_progress(console.at, job.root(), {}, noon())
            .front()
            .ends_with("3 of 9 trials ended, 2 trials on the Pareto front"));
}

TEST_CASE("progress shows the best, the running and the latest trials when there are many") {
  test_console console;
  std::string trials;
  for (int id = 1; id <= 40; ++id)
    trials += fmt::format(
        R"({}{{"id":"{}","state":"{}",{}"finalMeasurement":{{"metrics":[{{"metricId":"a","value":{}}}]}}}})",
        id > 1 ? "," : "", id, id == 2 ? "ACTIVE" : "SUCCEEDED",
        id == 2 ? "" : R"("endTime":"2026-11-23T11:59:22Z",)", id == 7 ? 99 : id);
  auto job = document(R"({"displayName":"x","state":"JOB_STATE_RUNNING","maxTrialCount":50,
    "studySpec":{"metrics":[{"metricId":"a"}]},"bestTrial":{"id":"7"},"trials":[)"
                      + trials + "]}");
  auto shown = tuning_job_progress(console.at, job.root(), {}, noon());
  CHECK(shown[0].ends_with("39 of 50 trials ended, best 99 (trial 7)"));
  CHECK(shown[1] == "  (24 earlier ones are not shown)");
  REQUIRE(shown.size() == 3 + 16);
  CHECK(shown[3].contains(" 2  ACTIVE"));
  CHECK(shown[4].contains("* 7  SUCCEEDED"));
  CHECK(shown[5].contains("27  SUCCEEDED"));
  CHECK(shown.back().contains("40  SUCCEEDED"));
}

TEST_CASE("the description of a custom job shows its pools and replicas") {
  test_console console;
  auto job = document(
      R"({"name":"projects/p/locations/l/customJobs/5","displayName":"x","state":"JOB_STATE_FAILED",
    "error":{"code":3,"message":"The replica workerpool0-0 exited with a non-zero status of 1.\nTraceback:\n  boom\n"},"labels":{"a":"b"},
    "createTime":"2026-11-23T10:00:00Z","startTime":"2026-11-23T10:00:00Z","endTime":"2026-11-23T10:00:01.500Z",
    "jobSpec":{"workerPoolSpecs":[{"machineSpec":{"machineType":"m","acceleratorType":"NVIDIA_L4","acceleratorCount":2},"containerSpec":{"imageUri":"host"}}]}})");
  auto status = document(R"({"attempt":2,"reason":"ignored once it has ended","replicas":[
    {"task":"workerpool0-0","node":"n1","phase":"exited","exitCode":1,"message":"x\nboom\n","incarnation":0},
    {"task":"workerpool1-0","node":"n2","phase":"exited","signal":11,"incarnation":2},
    {"task":"workerpool1-1","node":"n2","phase":"running"}]})");
  CHECK(joined(custom_job_view(console.at, job.root(), status.root(), noon()))
        == "custom job x\n"
           "  id         5\n"
           "  name       projects/p/locations/l/customJobs/5\n"
           "  state      FAILED\n"
           "  error      The replica workerpool0-0 exited with a non-zero status of 1.\n"
           "             Traceback:\n"
           "               boom\n"
           "  created    2026-11-23 10:00:00 (2h ago)\n"
           "  started    2026-11-23 10:00:00 (2h ago)\n"
           "  ended      2026-11-23 10:00:01 (1h ago)\n"
           "  duration   1.5s\n"
           "  labels     a=b\n"
           "\n"
           "worker pools\n"
           "  POOL  REPLICAS  MACHINE  ACCELERATORS   RUNS\n"
           "  0            1  m        2 x NVIDIA_L4  host\n"
           "\n"
           "replicas (attempt 2)\n"
           "  TASK           NODE  PHASE    EXIT     RESTARTS  MESSAGE\n"
           "  workerpool0-0  n1    EXITED   1               0  boom\n"
           "  workerpool1-0  n2    EXITED   SIGSEGV         2\n"
           "  workerpool1-1  n2    RUNNING                  0\n");
}

TEST_CASE("a job that waits shows the reason") {
  test_console console;
  auto job = document(
      R"({"displayName":"x","state":"JOB_STATE_PENDING","createTime":"2026-11-23T11:59:50Z"})");
  auto status = document(R"({"reason":"no node has 64 CPUs"})");
  CHECK(headline(console.at, job.root(), status.root(), noon())
        == "PENDING, submitted 10s ago: no node has 64 CPUs");
  CHECK(joined(custom_job_view(console.at, job.root(), status.root(), noon()))
            .find("  reason     no node has 64 CPUs\n")
        != std::string::npos);
}

TEST_CASE("the list of nodes shows what each has, what is in use, and its state") {
  test_console console;
  auto a = document(
      R"({"name":"n1","address":"10.0.0.1","connected":true,"lastSeen":"2026-11-23T11:59:59Z",
    "resources":{"cpuMillis":"16000","memoryBytes":"68719476736","gpus":8,"gpuType":"NVIDIA_H100_80GB"},"allocated":{"cpuMillis":"500","memoryBytes":"1073741824","gpus":1}})");
  auto b = document(
      R"({"name":"n2","address":"10.0.0.2","lastSeen":"2026-11-23T11:58:00Z","resources":{"cpuMillis":"2000","memoryBytes":"1073741824"}})");
  auto c = document(
      R"({"name":"n3","address":"10.0.0.3","connected":true,"quarantine":"a process would not die","resources":{}})");
  CHECK(joined(node_list(console.at, {a.root(), b.root(), c.root()}, noon()))
        == "NAME  ADDRESS   STATE         CPUS    MEMORY        GPUS                  NOTE\n"
           "n1    10.0.0.1  READY         0.5/16  1 GiB/64 GiB  1/8 NVIDIA_H100_80GB\n"
           "n2    10.0.0.2  DISCONNECTED  0/2     0 B/1 GiB     -                     last seen 2m "
           "ago\n"
           "n3    10.0.0.3  QUARANTINED   0/0     0 B/0 B       -                     a process "
           "would not die\n");
}
