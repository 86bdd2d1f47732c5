#include "tests/core/world.hpp"

using namespace troupe;
using namespace troupe::test;
using wire::Order;

TEST_CASE("a one-replica job goes from submit to success") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  CHECK(id == 1'000'000'000'000'000'001);
  CHECK(wire::view(w.job(id)->getName())
        == "projects/p/locations/l/customJobs/1000000000000000001");
  CHECK(w.state(id) == JobState::PENDING);
  REQUIRE(w.count_sent(Order::LAUNCH, "a") == 1);
  auto launch = w.sent(Order::LAUNCH)[0].getLaunch();
  CHECK(launch.getReplicas().size() == 1);
  CHECK(wire::view(launch.getToken()) == "s3cret");
  REQUIRE(launch.getPools().size() == 1);
  auto endpoint = launch.getPools()[0].getEndpoints()[0];
  CHECK(wire::view(endpoint.getHost()) == "10.0.0.a");
  CHECK(endpoint.getPort() >= 20000);
  w.now += 5;
  w.running(id);
  CHECK(w.state(id) == JobState::RUNNING);
  CHECK(w.job(id)->getStartTime().getMicros() == w.now);
  w.now += 5;
  w.exits(id, 0);
  CHECK(w.state(id) == JobState::SUCCEEDED);
  CHECK(w.job(id)->getEndTime().getMicros() == w.now);
  CHECK(!w.job(id)->hasError());
  CHECK(w.count_sent(Order::FORGET, "a") == 1);
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 0);
  CHECK(w.service_logs(id)
        == std::vector<std::string>{
            "Waiting for job to be provisioned.", "Troupe is provisioning job running framework.",
            "Troupe is setting up this job.", "Waiting for training program to start.",
            "Job is preparing.", "Job is running.", "Job completed successfully."});
}

TEST_CASE("a job that ends before it was seen running still has a start time") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.exits(id, 0);
  CHECK(w.state(id) == JobState::SUCCEEDED);
  CHECK(w.job(id)->hasStartTime());
}

TEST_CASE("a job waits queued, with the reason, until a node comes") {
  world w;
  uint64_t id = w.submit();
  CHECK(w.state(id) == JobState::QUEUED);
  CHECK(w.reason(id) == "no node is connected");
  w.hello();
  CHECK(w.state(id) == JobState::PENDING);
  CHECK(w.reason(id) == "starting 1 replica on node a");
}

TEST_CASE("a job is running when all its replicas are") {
  world w;
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {.count = 2}}});
  w.say("a", {.job = id});
  w.say("a", {.job = id, .pool = 1, .index = 1});
  CHECK(w.state(id) == JobState::PENDING);
  w.say("a", {.job = id, .pool = 1});
  CHECK(w.state(id) == JobState::RUNNING);
}

TEST_CASE("the primary's success ends the job; the others are stopped and free their places as "
          "they end") {
  world w;
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {.count = 2}}});
  w.running(id);
  w.exits(id, 0);
  CHECK(w.state(id) == JobState::SUCCEEDED);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  CHECK(w.count_sent(Order::FORGET) == 0);
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 2000);
  auto ended = w.job(id)->getEndTime().getMicros();
  w.now += 100;
  w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .signal = 15});
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 1000);
  w.say("a", {.job = id, .pool = 1, .index = 1, .phase = ReplicaPhase::EXITED, .code = 1});
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 0);
  CHECK(w.count_sent(Order::FORGET, "a") == 1);
  CHECK(w.state(id) == JobState::SUCCEEDED);
  CHECK(w.job(id)->getEndTime().getMicros() == ended);
}

TEST_CASE("a secondary replica's success ends nothing but frees its place") {
  world w;
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {}}});
  w.running(id);
  w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED});
  CHECK(w.state(id) == JobState::RUNNING);
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 1000);
}

TEST_CASE("a permanent exit fails the job at once with Vertex's text and the last of stderr") {
  world w;
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {}}});
  w.running(id);
  w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .code = 1, .message = "boom\n"});
  CHECK(w.state(id) == JobState::FAILED);
  CHECK(w.job(id)->getError().getCode() == 3);
  CHECK(w.error(id)
        == "The replica workerpool1-0 exited with a non-zero status of 1. Termination reason: "
           "Error.\nboom");
  CHECK(w.count_sent(Order::STOP, "a") == 1);
}

TEST_CASE(
    "a replica that can never start fails the job, one that could not this time is tried again") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.say("a",
        {.job = id, .phase = ReplicaPhase::FAILED, .message = "no file /nope", .permanent = true});
  CHECK(w.state(id) == JobState::FAILED);
  CHECK(w.error(id) == "The replica workerpool0-0 could not be started.\nno file /nope");
  id = w.submit();
  w.say("a", {.job = id, .phase = ReplicaPhase::FAILED, .message = "fork: try again"});
  CHECK(w.state(id) == JobState::PENDING);
  CHECK(w.count_sent(Order::LAUNCH, "a") == 1);
}

TEST_CASE("cancelling waits for the replicas, then the job is CANCELLED with code 1") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.running(id);
  w.cancel(id);
  REQUIRE(w.last.replies.size() == 1);
  CHECK(w.last.replies[0].outcome->isEmpty());
  CHECK(w.state(id) == JobState::CANCELLING);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  CHECK(w.sent(Order::STOP)[0].getStop().getGraceMs() == 30000);
  w.cancel(id);
  CHECK(w.count_sent(Order::STOP) == 0);
  w.exits(id, 0);
  CHECK(w.state(id) == JobState::CANCELLED);
  CHECK(w.job(id)->getError().getCode() == 1);
  w.cancel(id);
  CHECK(w.last.replies[0].outcome->isEmpty());
  CHECK(w.last.writes.empty());
}

TEST_CASE("a queued job is cancelled at once") {
  world w;
  uint64_t id = w.submit();
  w.cancel(id);
  CHECK(w.state(id) == JobState::CANCELLED);
  CHECK(!w.job(id)->hasStartTime());
}

TEST_CASE("deleting: refused while it lives; then everything about it goes, logs on nodes too") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.remove(id);
  CHECK(w.reply_code() == 9);
  CHECK(w.reply_error().find("Cancel it first") != std::string::npos);
  w.exits(id, 0);
  w.remove(id);
  REQUIRE(w.last.replies.size() == 1);
  REQUIRE(w.last.replies[0].outcome->isOperation());
  auto operation = w.last.replies[0].outcome->getOperation();
  CHECK(operation.getDone());
  CHECK(operation.isResponse());
  CHECK(w.stored<wire::Operation>(store::family::operations,
                                  world::id_of(wire::str(operation.getName()))));
  CHECK(w.count_sent(Order::PURGE, "a") == 1);
  CHECK(!w.stored<wire::CustomJob>(store::family::custom_jobs, id));
  CHECK(!w.stored<wire::AttemptRecord>(store::family::attempts, id));
  CHECK(w.service_logs(id).empty());
  w.remove(id);
  CHECK(w.reply_code() == 5);
}

TEST_CASE("a job deleted while its last replicas stop holds their places until they have") {
  world w;
  w.hello();
  uint64_t id = w.submit({.pools = {{}, {}}});
  w.exits(id, 0);
  w.remove(id);
  CHECK(w.last.replies[0].outcome->isOperation());
  CHECK(w.count_sent(Order::PURGE) == 0);
  CHECK(!w.stored<wire::CustomJob>(store::family::custom_jobs, id));
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 1000);
  w.restart();
  w.hello(w.nodes["a"], {{.job = id, .phase = ReplicaPhase::EXITED}, {.job = id, .pool = 1}});
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  w.say("a", {.job = id, .pool = 1, .phase = ReplicaPhase::EXITED, .signal = 15});
  CHECK(w.count_sent(Order::PURGE, "a") == 1);
  CHECK(!w.stored<wire::AttemptRecord>(store::family::attempts, id));
  CHECK(w.node("a")->getAllocated().getCpuMillis() == 0);
}

TEST_CASE("what is not there, or is another project's, is NOT_FOUND by name") {
  world w;
  uint64_t id = w.submit();
  w.cancel(42);
  CHECK(w.reply_code() == 5);
  CHECK(w.reply_error() == "There is no projects/p/locations/l/customJobs/42.");
  w.step([&](wire::Event::Builder event) {
    auto command = event.initCommand();
    command.setProject("other");
    command.setLocation("l");
    command.setCancelCustomJob(id);
  });
  CHECK(w.reply_code() == 5);
  CHECK(w.state(id) == JobState::QUEUED);
}

TEST_CASE("an invalid job is refused with every problem, uses no id and is not logged") {
  world w;
  w.step([&](wire::Event::Builder event) {
    auto job = world::in_project(event).initCreateCustomJob();
    fill_spec(job.initJobSpec(), {.pools = {{.count = 2, .machine = "warp-9"}}});
  });
  CHECK(w.reply_code() == 3);
  CHECK(w.reply_error().find('\n') != std::string::npos);
  CHECK(w.last.writes.empty());
  CHECK(w.submit() == 1'000'000'000'000'000'001);
}

TEST_CASE("a job that runs longer than its timeout fails with DEADLINE_EXCEEDED and is stopped") {
  world w;
  w.hello();
  uint64_t id = w.submit({.timeout_s = 60});
  w.pass(100);
  CHECK(w.state(id) == JobState::PENDING);
  w.running(id);
  REQUIRE(w.cluster->wake_at());
  CHECK(micros_of(*w.cluster->wake_at()) == w.now + 60'000'000);
  w.pass(59);
  CHECK(w.state(id) == JobState::RUNNING);
  w.pass(1);
  CHECK(w.state(id) == JobState::FAILED);
  CHECK(w.job(id)->getError().getCode() == 4);
  CHECK(w.error(id) == "The job ran longer than its scheduling.timeout of 60 s.");
  CHECK(w.count_sent(Order::STOP, "a") == 1);
}

TEST_CASE("FLEX_START gives up after maxWaitDuration, other strategies wait forever") {
  world w;
  uint64_t flex = w.submit({.strategy = wire::Scheduling::Strategy::FLEX_START, .max_wait_s = 10});
  uint64_t patient =
      w.submit({.strategy = wire::Scheduling::Strategy::FLEX_START, .max_wait_s = 0});
  uint64_t plain = w.submit();
  w.pass(10'000'000);
  CHECK(w.state(flex) == JobState::FAILED);
  CHECK(w.job(flex)->getError().getCode() == 8);
  CHECK(w.state(patient) == JobState::QUEUED);
  CHECK(w.state(plain) == JobState::QUEUED);
}

TEST_CASE("a replica that outlives its kill deadline quarantines its node until it is gone") {
  world w;
  w.hello();
  uint64_t id = w.submit();
  w.running(id);
  w.cancel(id);
  w.pass(59);
  CHECK(wire::view(w.node("a")->getQuarantine()) == "");
  w.pass(1);
  CHECK(wire::str(w.node("a")->getQuarantine()).find("workerpool0-0") != std::string::npos);
  CHECK(w.count_sent(Order::STOP, "a") == 1);
  CHECK(w.state(id) == JobState::CANCELLING);
  uint64_t next = w.submit();
  CHECK(w.state(next) == JobState::QUEUED);
  w.exits(id, 0);
  CHECK(w.state(id) == JobState::CANCELLED);
  CHECK(wire::view(w.node("a")->getQuarantine()) == "");
  CHECK(w.state(next) == JobState::PENDING);
}

TEST_CASE("output fields that a submitter sends are not taken over") {
  world w;
  w.step([&](wire::Event::Builder event) {
    auto job = world::in_project(event).initCreateCustomJob();
    job.setDisplayName("x");
    job.setName("projects/evil/locations/l/customJobs/7");
    job.setState(JobState::SUCCEEDED);
    job.initEndTime().setMicros(5);
    fill_spec(job.initJobSpec(), {});
  });
  auto job = w.last.replies.at(0).outcome->getCustomJob();
  CHECK(job.getState() == JobState::QUEUED);
  CHECK(!job.hasEndTime());
  CHECK(wire::view(job.getName()) == "projects/p/locations/l/customJobs/1000000000000000001");
}

TEST_CASE("each replica gets GPUs of its own, and gives them back") {
  world w;
  w.hello({.name = "a", .cpus = 8, .gpus = 3});
  auto gpus_of = [&](uint32_t launch, uint32_t pool) {
    std::vector<uint16_t> indices;
    auto order = w.sent(Order::LAUNCH, "a").at(launch).getLaunch();
    for (auto index : order.getPools()[pool].getEndpoints()[0].getGpuIndices())
      indices.push_back(index);
    return indices;
  };
  uint64_t pair = w.submit({.pools = {{.gpus = 1}, {.gpus = 1}}});
  CHECK(gpus_of(0, 0) == std::vector<uint16_t>{0});
  CHECK(gpus_of(0, 1) == std::vector<uint16_t>{1});
  uint64_t single = w.submit({.pools = {{.gpus = 1}}});
  CHECK(gpus_of(0, 0) == std::vector<uint16_t>{2});
  uint64_t waiting = w.submit({.pools = {{.gpus = 2}}});
  CHECK(w.state(waiting) == JobState::QUEUED);
  w.running(single);
  w.exits(single, 0);
  CHECK(w.state(waiting) == JobState::QUEUED);
  CHECK(w.state(pair) == JobState::PENDING);
  CHECK(!w.cluster->violated_invariant());
}
