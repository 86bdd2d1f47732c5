#include "cli/terminal/format.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

using namespace troupe;
using namespace troupe::cli;
using namespace std::chrono_literals;

TEST_CASE("RFC 3339 times are read, and other texts are rejected") {
  CHECK(micros_of(*parse_time("1970-01-01T00:00:01Z")) == 1'000'000);
  CHECK(micros_of(*parse_time("2026-11-23T05:30:22.123456Z")) == 1795411822123456);
  CHECK(micros_of(*parse_time("1970-01-01T00:00:00.5Z")) == 500'000);
  CHECK(micros_of(*parse_time("1970-01-01T00:00:00.123456789Z")) == 123'456);
  for (auto text : {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                    "2026-01-01T25:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
                    "2026-01-01T00:00:00Zx", "2026-01-01 00:00:00Z"})
    CHECK_FALSE(parse_time(text));
}

TEST_CASE("spans are read as the API writes them") {
  CHECK(parse_span("604800s") == 604800s);
  CHECK(parse_span("1.5s") == 1500ms);
  CHECK_FALSE(parse_span("1.5"));
  CHECK_FALSE(parse_span("s"));
  CHECK_FALSE(parse_span("xs"));
}

TEST_CASE("spans are printed in at most two units") {
  CHECK(span(0s) == "0.0s");
  CHECK(span(-5s) == "0.0s");
  CHECK(span(440ms) == "0.4s");
  CHECK(span(9940ms) == "9.9s");
  CHECK(span(9960ms) == "10s");
  CHECK(span(59600ms) == "1m00s");
  CHECK(span(192s) == "3m12s");
  CHECK(span(3599600ms) == "1h00m");
  CHECK(span(2h + 5min + 59s) == "2h05m");
  CHECK(span(76h + 1min) == "3d04h");
}

TEST_CASE("ages are printed in one unit") {
  auto now = instant_of(1'000'000'000'000'000);
  CHECK(age(now, now) == "just now");
  CHECK(age(now + 5s, now) == "just now");
  CHECK(age(now - 42s, now) == "42s ago");
  CHECK(age(now - 3min, now) == "3m ago");
  CHECK(age(now - 119min, now) == "1h ago");
  CHECK(age(now - 49h, now) == "2d ago");
}

TEST_CASE("local times are printed, in logs with the zone") {
  setenv("TZ", "UTC-2", 1);
  tzset();
  auto at = parse_time("2026-11-23T23:30:22.9Z");
  CHECK(local_time(at) == "2026-11-24 01:30:22");
  CHECK(log_time(at) == "2026-11-24 01:30:22 +0200");
  CHECK(clock_time(*at) == "01:30:22");
  CHECK(local_time({}) == "-");
  setenv("TZ", "UTC", 1);
  tzset();
}

TEST_CASE("amounts, states and metrics are printed in short forms") {
  CHECK(byte_amount(0) == "0 B");
  CHECK(byte_amount(512 << 20) == "512 MiB");
  CHECK(byte_amount(3ull << 29) == "1.5 GiB");
  CHECK(cpu_amount(500) == "0.5");
  CHECK(cpu_amount(16000) == "16");
  CHECK(short_state("JOB_STATE_RUNNING") == "RUNNING");
  CHECK(short_state("") == "UNSPECIFIED");
  CHECK(short_state("ACTIVE") == "ACTIVE");
  CHECK(metric(0.9512345678) == "0.951235");
  CHECK(metric(-HUGE_VAL) == "-Infinity");
  CHECK(metric(NAN) == "NaN");
  CHECK(counted(1, "trial") == "1 trial");
  CHECK(counted(0, "trial") == "0 trials");
  CHECK(is_final("JOB_STATE_FAILED"));
  CHECK_FALSE(is_final("JOB_STATE_CANCELLING"));
}
