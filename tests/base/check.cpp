#include "base/check.hpp"

#include "base/descriptor.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <functional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace troupe;

namespace {

/// Runs `body` in a child: what it printed to stderr, and the signal that ended it.
struct crash {
  std::string text;
  int signal = 0;

  explicit crash(const std::function<void()>& body) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const auto child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // The test program's handler would print a report of its own.
      std::signal(SIGABRT, SIG_DFL);
      dup2(ends[1], STDERR_FILENO);
      body();
      _exit(0);
    }
    close(ends[1]);
    const unique_fd reading(ends[0]);
    char buffer[1024];
    for (ssize_t n; (n = read(reading.value(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, size_t(n));
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) signal = WTERMSIG(status);
  }
};

} // namespace

TEST_CASE("an assertion that holds does nothing and does not evaluate its message") {
  int evaluated = 0;
  TROUPE_ASSERT(1 + 1 == 2, "{}", ++evaluated);
  CHECK(evaluated == 0);
}

TEST_CASE("an assertion that fails prints its expression and message and aborts the process") {
  const crash seen([] { TROUPE_ASSERT(1 + 1 == 3, "node {}: {} of {}", "a", 5, 4); });
  CHECK(seen.signal == SIGABRT);
  CHECK(seen.text.find("tests/base/check.cpp:") != std::string::npos);
  CHECK(seen.text.ends_with(": assertion failed: 1 + 1 == 3: node a: 5 of 4\n"));
}

TEST_CASE("a place that no path leads to aborts the process when it is reached") {
  const crash seen([] { TROUPE_UNREACHABLE("phase {}", 9); });
  CHECK(seen.signal == SIGABRT);
  CHECK(seen.text.ends_with(": assertion failed: unreachable: phase 9\n"));
}
