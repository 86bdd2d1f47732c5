// A writer in a process of its own, killed between and during commits.
#include "store/store.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace troupe;
using namespace troupe::store;

namespace {

constexpr uint64_t thread_count = 3;

struct child {
  pid_t pid;
  int acknowledged; // the reading end: one uint64_t for each commit that returned
};

/// Runs this program again, for RocksDB's threads do not survive a fork.
child start_writer(const std::filesystem::path& dir) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto out = std::to_string(ends[1]);
  pid_t pid = ::fork();
  if (pid == 0) {
    ::setenv("TROUPE_TEST_DIR", dir.c_str(), 1);
    ::setenv("TROUPE_TEST_FD", out.c_str(), 1);
    ::execl("/proc/self/exe", "store-tests", "--no-skip", "--test-case=writer process", nullptr);
    ::_exit(127);
  }
  REQUIRE(pid > 0);
  ::close(ends[1]);
  return {pid, ends[0]};
}

std::vector<uint64_t> kill_after(const child& writer, size_t commits) {
  std::vector<uint64_t> ids;
  uint64_t id = 0;
  while (::read(writer.acknowledged, &id, sizeof id) == sizeof id) {
    ids.push_back(id);
    if (ids.size() == commits) ::kill(writer.pid, SIGKILL);
  }
  int status = 0;
  ::waitpid(writer.pid, &status, 0);
  CHECK(WIFSIGNALED(status));
  ::close(writer.acknowledged);
  return ids;
}

} // namespace

TEST_CASE("writer process" * doctest::skip()) {
  auto db = store::open(std::getenv("TROUPE_TEST_DIR"));
  REQUIRE(db);
  int out = std::atoi(std::getenv("TROUPE_TEST_FD"));
  uint64_t base = 0;
  REQUIRE((*db)->scan(family::events, "", true, [&](std::string_view key, std::string_view) {
    base = std::stoull(std::string(key)) + 1;
    return false;
  }));
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < thread_count; ++t)
    threads.emplace_back([&, t] {
      for (uint64_t id = base + t;; id += thread_count) {
        batch b;
        b.put(family::events, key_of(id), std::string(100, 'e'));
        b.put(family::attempts, key_of(id), "a");
        if (!(*db)->commit(b) || ::write(out, &id, sizeof id) != sizeof id) ::_exit(1);
      }
    });
  for (auto& thread : threads)
    thread.join();
}

TEST_CASE("kill -9 loses nothing acknowledged and leaves no half batch") {
  test::scratch dir;
  std::vector<uint64_t> acknowledged;
  for (size_t commits : {1, 2, 7, 40, 150}) {
    auto more = kill_after(start_writer(dir.path()), commits);
    REQUIRE(more.size() >= commits);
    acknowledged.insert(acknowledged.end(), more.begin(), more.end());
    auto db = store::open(dir.path());
    REQUIRE_MESSAGE(db, db.error().message);
    size_t lost = 0;
    for (uint64_t id : acknowledged)
      lost += !*(*db)->read(family::events, key_of(id));
    CHECK(lost == 0);
    size_t halves = 0;
    REQUIRE((*db)->scan(family::events, "", false, [&](std::string_view key, std::string_view) {
      halves += !*(*db)->read(family::attempts, key);
      return true;
    }));
    CHECK(halves == 0);
  }
}
