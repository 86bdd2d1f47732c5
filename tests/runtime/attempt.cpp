#include "tests/runtime/test_node.hpp"

#include <cstdlib>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace troupe;
using namespace troupe::runtime;
using wire::ReplicaPhase;

namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

void write_file(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  std::ofstream(path) << text;
  chmod(path.c_str(), mode);
}

} // namespace

TEST_CASE("a replica that exits with 0 is reported as EXITED with code 0") {
  node here;
  auto attempt = here.run(shell("echo hello; echo oops >&2"));
  auto end = here.seen.wait_for_end();
  CHECK(end->getPhase() == ReplicaPhase::EXITED);
  CHECK(end->getExitCode() == 0);
  CHECK(end->getSignal() == 0);
  CHECK(end->getStartedMicros() > 0);
  CHECK(end->getEndedMicros() >= end->getStartedMicros());
  CHECK(wire::view(end->getMessage()) == "");
  CHECK(here.seen.wait_for(ReplicaPhase::RUNNING)->getStartedMicros() == end->getStartedMicros());
  CHECK(here.seen.statuses().size() == 2);
  auto lines = here.logs();
  REQUIRE(lines.size() == 2);
  for (const auto& each : lines)
    CHECK(each.text == (each.is_stderr ? "oops" : "hello"));
}

TEST_CASE("a replica that exits with another status is reported with the end of its stderr") {
  node here;
  auto attempt =
      here.run(shell("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i >&2; done; exit 3"));
  auto end = here.seen.wait_for_end();
  CHECK(end->getPhase() == ReplicaPhase::EXITED);
  CHECK(end->getExitCode() == 3);
  CHECK(wire::view(end->getMessage())
        == "line 3\nline 4\nline 5\nline 6\nline 7\nline 8\nline 9\nline 10\nline 11\nline 12");
}

TEST_CASE("a replica that dies by a signal is reported with that signal") {
  node here;
  auto attempt = here.run(shell("kill -SEGV $$"));
  auto end = here.seen.wait_for_end();
  CHECK(end->getPhase() == ReplicaPhase::EXITED);
  CHECK(end->getSignal() == SIGSEGV);
  CHECK(end->getExitCode() == 0);
}

TEST_CASE("programs that cannot be run are reported as FAILED with the reason") {
  node here;
  write_file(here.scratch.path() / "plain", "#!/bin/sh\n", 0644);
  write_file(here.scratch.path() / "garbage", "no program\n", 0755);
  write_file(here.scratch.path() / "orphan", "#!/no/such/interpreter\n", 0755);
  auto message_of = [&](const std::string& program) {
    node fresh;
    auto attempt = fresh.run(job{.pools = {{{program}}}});
    auto end = fresh.seen.wait_for_end();
    CHECK(end->getPhase() == ReplicaPhase::FAILED);
    CHECK(end->getPermanent());
    return wire::str(end->getMessage());
  };
  CHECK(message_of("/no/such/program")
        == "cannot run '/no/such/program': No such file or directory");
  CHECK(contains(message_of("no-such-program"), "none of the directories of the replica's PATH"));
  CHECK(contains(message_of(here.scratch.path() / "plain"),
                 "Permission denied (it must be a file with execute"));
  CHECK(contains(message_of(here.scratch.path() / "garbage"), "Exec format error"));
  CHECK(
      contains(message_of(here.scratch.path() / "orphan"), "the interpreter that it names is not"));
  CHECK(contains(message_of("/tmp"), "Permission denied"));
}

TEST_CASE("an image that needs a container is reported as FAILED, permanently") {
  node here;
  auto attempt = here.run(job{.pools = {{{"x"}, "docker.io/me/train:1"}}});
  auto end = here.seen.wait_for_end();
  CHECK(end->getPhase() == ReplicaPhase::FAILED);
  CHECK(end->getPermanent());
  CHECK(contains(wire::view(end->getMessage()), "container runtime"));
}

TEST_CASE("a node without the shim reports that, and the launch may be tried again") {
  node here;
  here.settings.shim = "/no/such/shim";
  auto attempt = here.run(shell("true"));
  auto end = here.seen.wait_for_end();
  CHECK(end->getPhase() == ReplicaPhase::FAILED);
  CHECK_FALSE(end->getPermanent());
  CHECK(contains(wire::view(end->getMessage()), "/no/such/shim"));
}

TEST_CASE("a port that is taken makes the replica fail, and it may be tried again") {
  node here;
  int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof where;
  REQUIRE(bind(taken, reinterpret_cast<sockaddr*>(&where), size) == 0);
  REQUIRE(listen(taken, 1) == 0);
  REQUIRE(getsockname(taken, reinterpret_cast<sockaddr*>(&where), &size) == 0);
  auto wanting = shell("true");
  wanting.port = ntohs(where.sin_port);
  auto attempt = here.run(wanting);
  auto end = here.seen.wait_for_end();
  CHECK(end->getPhase() == ReplicaPhase::FAILED);
  CHECK_FALSE(end->getPermanent());
  CHECK(contains(wire::view(end->getMessage()), std::to_string(wanting.port)));
  close(taken);
}

TEST_CASE(
    "a replica runs in its directory with empty input, its arguments, and no other descriptors") {
  node here;
  auto order =
      order_of(job{.pools = {{{"/bin/sh", "-c",
                               "pwd; read x || echo no input; echo $1; ls /proc/self/fd | wc -w; "
                               "echo $HOME; echo ${SECRET_OF_AGENT-unset}",
                               "sh", "$(CLOUD_ML_JOB_ID)-$(NOBODY)"}}}});
  setenv("SECRET_OF_AGENT", "x", 1);
  auto attempt = here.run(order);
  CHECK(here.seen.wait_for_end()->getExitCode() == 0);
  auto texts = here.texts();
  unsetenv("SECRET_OF_AGENT");
  REQUIRE(texts.size() == 6);
  CHECK(texts[0].ends_with("agent/attempts/4711.1/workerpool0-0/0/scratch"));
  CHECK(texts[1] == "no input");
  CHECK(texts[2] == "4711-$(NOBODY)");
  CHECK(texts[3] == "4"); // ls itself opens one
  CHECK(texts[4] == std::getenv("HOME"));
  CHECK(texts[5] == "unset");
}

TEST_CASE("local output directories are there when the program starts") {
  node here;
  auto writing = shell(
      "test -d $AIP_MODEL_DIR && test -d $AIP_CHECKPOINT_DIR && test -d $AIP_TENSORBOARD_LOG_DIR");
  writing.output = (here.scratch.path() / "out").string();
  auto attempt = here.run(writing);
  CHECK(here.seen.wait_for_end()->getExitCode() == 0);
}

TEST_CASE("a repeated order starts nothing twice; a higher incarnation does") {
  node here;
  auto first = shell("echo run >> " + (here.scratch.path() / "runs").string() + "; exit 1");
  auto attempt = here.run(first);
  attempt->start(order_of(first));
  here.seen.wait_for(ReplicaPhase::EXITED, 0);
  attempt->start(order_of(first));
  auto second = first;
  second.incarnation = 1;
  attempt->start(order_of(second));
  here.seen.wait_for(ReplicaPhase::EXITED, 1);
  attempt->start(order_of(first));
  std::ifstream runs(here.scratch.path() / "runs");
  CHECK(std::string(std::istreambuf_iterator<char>(runs), {}) == "run\nrun\n");
  CHECK(attempt->statuses().size() == 2);
}

TEST_CASE("a higher incarnation ends the one before and waits for it") {
  node here;
  auto first = shell("exec sleep 1000");
  auto attempt = here.run(first);
  here.seen.wait_for(ReplicaPhase::RUNNING, 0);
  auto second = shell("exit 0");
  second.incarnation = 1;
  attempt->start(order_of(second));
  auto end = here.seen.wait_for(ReplicaPhase::EXITED, 1);
  CHECK(end->getExitCode() == 0);
  CHECK(end->getStartedMicros() >= here.seen.wait_for(ReplicaPhase::EXITED, 0)->getEndedMicros());
}

TEST_CASE("two hundred attempts run at once and all end") {
  node here;
  std::vector<std::unique_ptr<attempt>> attempts;
  for (uint64_t id = 1; id <= 200; ++id) {
    auto quick = shell("exit 0");
    quick.id = id;
    attempts.push_back(here.run(quick));
  }
  for (uint64_t id = 1; id <= 200; ++id) {
    auto end = here.seen.wait_for([&](auto status) {
      return status.getId().getJobId() == id && status.getPhase() >= ReplicaPhase::EXITED;
    });
    CHECK(end->getPhase() == ReplicaPhase::EXITED);
    CHECK(end->getExitCode() == 0);
  }
}
