#include "tests/runtime/test_node.hpp"

#include <algorithm>
#include <signal.h>

using namespace troupe;
using namespace troupe::runtime;
using wire::ReplicaPhase;

namespace {

pid_t read_pid(const std::filesystem::path& path) {
  pid_t out = 0;
  std::ifstream(path) >> out;
  REQUIRE(out > 1);
  return out;
}

/// A zombie counts as gone: nobody but its parent can remove it.
bool is_gone(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text(std::istreambuf_iterator<char>(stat), {});
  auto name_end = text.rfind(')');
  return name_end == text.npos || text[name_end + 2] == 'Z' || text[name_end + 2] == 'X';
}

} // namespace

TEST_CASE("stop ends a replica by SIGTERM") {
  node here;
  auto attempt = here.run(shell("exec sleep 1000"));
  here.seen.wait_for(ReplicaPhase::RUNNING);
  attempt->stop(stop_of(4711, 60'000));
  auto end = here.seen.wait_for_end();
  CHECK(end->getSignal() == SIGTERM);
  attempt->stop(stop_of(4711, 0));
  CHECK(here.seen.statuses().size() == 2);
}

TEST_CASE("a replica may use the grace to end by itself") {
  node here;
  auto ready = here.scratch.path() / "ready";
  auto attempt = here.run(shell("trap 'echo saved; exit 7' TERM; touch " + ready.string()
                                + "; while :; do sleep 0.01; done"));
  node::wait_for_file(ready);
  attempt->stop(stop_of(4711, 60'000));
  CHECK(here.seen.wait_for_end()->getExitCode() == 7);
  // The shell may also say that its sleep was terminated.
  auto texts = here.texts();
  CHECK(std::count(texts.begin(), texts.end(), "saved") == 1);
}

TEST_CASE("a replica that ignores SIGTERM is killed after the grace") {
  node here;
  auto ready = here.scratch.path() / "ready";
  auto attempt =
      here.run(shell("trap '' TERM; touch " + ready.string() + "; while :; do sleep 0.01; done"));
  node::wait_for_file(ready);
  attempt->stop(stop_of(4711, 50));
  CHECK(here.seen.wait_for_end()->getSignal() == SIGKILL);
}

TEST_CASE("a second stop can hurry the first") {
  node here;
  auto ready = here.scratch.path() / "ready";
  auto attempt =
      here.run(shell("trap '' TERM; touch " + ready.string() + "; while :; do sleep 0.01; done"));
  node::wait_for_file(ready);
  attempt->stop(stop_of(4711, 600'000));
  attempt->stop(stop_of(4711, 0));
  CHECK(here.seen.wait_for_end()->getSignal() == SIGKILL);
}

TEST_CASE("a process that forks twice and leaves its session does not outlive the replica") {
  node here;
  auto file = here.scratch.path() / "pid";
  auto escape = "(setsid sh -c 'trap \"\" TERM; echo $$ > " + file.string() + ".tmp; mv "
                + file.string() + ".tmp " + file.string() + "; exec sleep 1000' &) ; ";
  SUBCASE("when it is stopped") {
    auto attempt = here.run(shell(escape + "exec sleep 1000"));
    node::wait_for_file(file);
    attempt->stop(stop_of(4711, 60'000));
    CHECK(here.seen.wait_for_end()->getSignal() == SIGTERM);
    CHECK(is_gone(read_pid(file)));
  }
  SUBCASE("when it ends by itself") {
    auto attempt =
        here.run(shell(escape + "while ! test -e " + file.string() + "; do sleep 0.01; done"));
    CHECK(here.seen.wait_for_end()->getExitCode() == 0);
    CHECK(is_gone(read_pid(file)));
  }
  SUBCASE("when its shim is killed") {
    auto attempt = here.run(shell(escape + "exec sleep 1000"));
    node::wait_for_file(file);
    here.seen.wait_for(ReplicaPhase::RUNNING);
    auto directory = replica_directory(here.settings.directory, {4711, 1, 0, 0, 0});
    kill(read_pid(directory / "record"), SIGKILL);
    auto end = here.seen.wait_for_end();
    CHECK(end->getPhase() == ReplicaPhase::EXITED);
    CHECK(end->getSignal() == SIGKILL);
    CHECK(wire::view(end->getMessage()).find("troupe-shim") != std::string_view::npos);
    CHECK(is_gone(read_pid(file)));
  }
}
