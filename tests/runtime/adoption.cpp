#include "runtime/shim/identity.hpp"
#include "tests/runtime/test_node.hpp"

#include <signal.h>
#include <sys/wait.h>

using namespace troupe;
using namespace troupe::runtime;
using wire::ReplicaPhase;

namespace {

struct next_agent {
  explicit next_agent(node& here) {
    attempts = adopt_all(here.settings, *here.loop, [this] { return seen.events(); });
  }
  witness seen;
  std::vector<std::unique_ptr<attempt>> attempts;
};

std::filesystem::path directory_of(const node& here) {
  return replica_directory(here.settings.directory, {4711, 1, 0, 0, 0});
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

} // namespace

TEST_CASE("a replica that runs is adopted, its log goes on, and its end is seen") {
  node here;
  auto go = here.scratch.path() / "go";
  auto attempt = here.run(shell("echo before; while ! test -e " + go.string()
                                + "; do sleep 0.01; done; echo after; exit 5"));
  auto started = here.seen.wait_for(ReplicaPhase::RUNNING)->getStartedMicros();
  attempt.reset();
  next_agent next(here);
  REQUIRE(next.attempts.size() == 1);
  CHECK(next.attempts[0]->job() == 4711);
  CHECK(next.attempts[0]->number() == 1);
  auto statuses = next.attempts[0]->statuses();
  REQUIRE(statuses.size() == 1);
  CHECK(statuses[0]->getPhase() == ReplicaPhase::RUNNING);
  CHECK(statuses[0]->getStartedMicros() == started);
  std::ofstream(go) << "go";
  CHECK(next.seen.wait_for_end()->getExitCode() == 5);
  CHECK(here.seen.statuses().size() == 1);
  CHECK(here.texts() == std::vector<std::string>{"before", "after"});
}

TEST_CASE("an adopted replica can be stopped") {
  node here;
  auto attempt = here.run(shell("exec sleep 1000"));
  here.seen.wait_for(ReplicaPhase::RUNNING);
  attempt.reset();
  next_agent next(here);
  REQUIRE(next.attempts.size() == 1);
  next.attempts[0]->stop(stop_of(4711, 60'000));
  CHECK(next.seen.wait_for_end()->getSignal() == SIGTERM);
}

TEST_CASE("a replica that ended meanwhile has its true end") {
  node here;
  auto go = here.scratch.path() / "go";
  auto attempt = here.run(
      shell("while ! test -e " + go.string() + "; do sleep 0.01; done; echo why >&2; exit 9"));
  here.seen.wait_for(ReplicaPhase::RUNNING);
  attempt.reset();
  std::ofstream(go) << "go";
  node::wait_for_file(directory_of(here) / "status");
  next_agent next(here);
  REQUIRE(next.attempts.size() == 1);
  auto status = next.attempts[0]->statuses().at(0);
  CHECK(status->getPhase() == ReplicaPhase::EXITED);
  CHECK(status->getExitCode() == 9);
  CHECK(wire::view(status->getMessage()) == "why");
  CHECK(here.seen.statuses().size() == 1);
}

TEST_CASE("an order that is repeated to the next agent starts nothing twice") {
  node here;
  auto runs = here.scratch.path() / "runs", ran = here.scratch.path() / "ran";
  auto once = shell("echo run >> " + runs.string() + "; : > " + ran.string() + "; exec sleep 1000");
  auto attempt = here.run(once);
  auto started = here.seen.wait_for(ReplicaPhase::RUNNING)->getStartedMicros();
  // A replica runs from its exec on: what its script does comes some time later.
  node::wait_for_file(ran);
  attempt.reset();
  node again;
  again.settings = here.settings;
  // Not adopted before: create() itself must find what is there.
  auto second = again.run(once);
  CHECK(again.seen.wait_for(ReplicaPhase::RUNNING)->getStartedMicros() == started);
  second->stop(stop_of(4711, 0));
  again.seen.wait_for_end();
  CHECK(text_of(runs) == "run\n");
}

TEST_CASE("processes that are not the replica's shim are not adopted") {
  node here;
  auto attempt = here.run(shell("exec sleep 1000"));
  here.seen.wait_for(ReplicaPhase::RUNNING);
  auto record_path = directory_of(here) / "record";
  auto shim = shim::decode_identity(text_of(record_path));
  REQUIRE(shim);
  // Its shim goes, and with it the replica, but nobody is there to see it.
  attempt.reset();
  REQUIRE(shim::identity_of(shim->pid) == shim);
  kill(shim->pid, SIGKILL);
  auto forged = *shim::identity_of(getpid());
  SUBCASE("a pid that another process has now") {
    forged.start_ticks += 1;
    std::ofstream(record_path) << encode(forged);
    next_agent next(here);
    auto status = next.attempts.at(0)->statuses().at(0);
    if (status->getPhase() == ReplicaPhase::RUNNING) status = next.seen.wait_for_end();
    CHECK(status->getPhase() == ReplicaPhase::EXITED);
    CHECK(status->getSignal() == SIGKILL);
  }
  SUBCASE("a pid of another boot") {
    forged.boot_id = "00000000-0000-0000-0000-000000000000";
    std::ofstream(record_path) << encode(forged);
    next_agent next(here);
    auto status = next.attempts.at(0)->statuses().at(0);
    CHECK(status->getPhase() == ReplicaPhase::LOST);
    CHECK(wire::view(status->getMessage()).find("rebooted") != std::string_view::npos);
  }
}

TEST_CASE("a launch that an agent did not finish is given up, and its shim stays away") {
  node here;
  auto directory = directory_of(here);
  auto attempt =
      attempt::create(here.settings, *here.loop, order_of(shell("true")), here.seen.events());
  REQUIRE(attempt);
  attempt->reset();
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "order") << "x";
  next_agent next(here);
  auto status = next.attempts.at(0)->statuses().at(0);
  CHECK(status->getPhase() == ReplicaPhase::FAILED);
  CHECK_FALSE(status->getPermanent());
  auto shim = std::string(TROUPE_SHIM) + " " + directory.string() + " 3</dev/null";
  CHECK(WEXITSTATUS(std::system(shim.c_str())) == 1);
  CHECK(text_of(directory / "record") == "0 0 none\n");
}

TEST_CASE("forget keeps the logs, purge does not") {
  node here;
  auto attempt = here.run(shell("echo kept"));
  here.seen.wait_for_end();
  attempt.reset();
  forget(here.settings, 4711, 1);
  CHECK_FALSE(std::filesystem::exists(attempt_directory(here.settings.directory, 4711, 1)));
  CHECK(next_agent(here).attempts.empty());
  CHECK(here.texts() == std::vector<std::string>{"kept"});
  forget(here.settings, 4711, 1);
  purge(here.settings, 4711, 1);
  CHECK(here.texts().empty());
  CHECK_FALSE(std::filesystem::exists(job_log_directory(here.settings.directory, 4711)));
}
