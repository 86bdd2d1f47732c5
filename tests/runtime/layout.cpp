#include "runtime/layout.hpp"

#include <doctest/doctest.h>

using namespace troupe::runtime;

namespace {

const replica_key key{.job = 4711, .attempt = 2, .pool = 1, .index = 3, .incarnation = 5};

} // namespace

TEST_CASE("a replica's bookkeeping and its log are in directories of their own") {
  CHECK(replica_directory("/state", key) == "/state/attempts/4711.2/workerpool1-3/5");
  CHECK(log_directory("/state", key) == "/state/logs/4711/2/workerpool1-3/5");
  CHECK(attempt_directory("/state", 4711, 2) == "/state/attempts/4711.2");
  CHECK(job_log_directory("/state", 4711) == "/state/logs/4711");
}

TEST_CASE("a replica is known by its directory") {
  CHECK(key_of(replica_directory("/state", key)) == key);
}

TEST_CASE("a directory that is not a replica's has no replica") {
  for (auto path : {"/state/attempts/4711/workerpool1-3/5", "/state/attempts/4711.2/worker1-3/5",
                    "/state/attempts/4711.2/workerpool1-3/scratch", "5", ""})
    CHECK_FALSE(key_of(std::filesystem::path(path)));
}

TEST_CASE("an attempt's directory names its job and its number, and nothing else does") {
  CHECK(attempt_of("4711.2") == std::pair<uint64_t, uint32_t>(4711, 2));
  for (auto name : {"4711", "4711.", ".2", "4711.2.1", "4711.-2", "4711.2x", "4711.4294967296"})
    CHECK_FALSE(attempt_of(name));
}
