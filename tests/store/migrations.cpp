#include "store/migrations.hpp"

#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::store;

namespace {

batch one(family where, std::string key, std::string value) {
  batch b;
  b.put(where, std::move(key), std::move(value));
  return b;
}

} // namespace

TEST_CASE("a fresh database is at the newest version") {
  auto newest = migrations().back().version;
  CHECK(*schema_version(*in_memory()) == newest);
  test::scratch dir;
  auto db = store::open(dir.path());
  REQUIRE(db);
  CHECK(*schema_version(**db) == newest);
}

TEST_CASE("the steps are numbered from 1 without a gap") {
  uint32_t expected = 1;
  for (const migration& step : migrations())
    CHECK(step.version == expected++);
}

TEST_CASE("each step runs once, in order, on what the one before it left") {
  auto db = in_memory();
  std::vector<migration> steps(migrations().begin(), migrations().end());
  auto base = steps.back().version;
  int runs = 0;
  steps.push_back({base + 1, [&](const database&) -> result<batch> {
                     ++runs;
                     return one(family::nodes, "n", "first");
                   }});
  steps.push_back({base + 2, [&](const database& old) -> result<batch> {
                     ++runs;
                     return one(family::nodes, "n", **old.read(family::nodes, "n") + ", second");
                   }});
  REQUIRE(migrate(*db, steps));
  REQUIRE(migrate(*db, steps));
  CHECK(runs == 2);
  CHECK(**db->read(family::nodes, "n") == "first, second");
  CHECK(*schema_version(*db) == base + 2);
}

TEST_CASE("a step that fails leaves the version before it") {
  auto db = in_memory();
  std::vector<migration> steps(migrations().begin(), migrations().end());
  auto base = steps.back().version;
  steps.push_back({base + 1, [](const database&) { return one(family::nodes, "n", "v"); }});
  steps.push_back({base + 2, [](const database&) -> result<batch> {
                     return fail(errc::data_loss, "node n is odd");
                   }});
  auto done = migrate(*db, steps);
  REQUIRE(!done);
  CHECK(done.error().message
        == fmt::format("migration to schema version {}: node n is odd", base + 2));
  CHECK(*schema_version(*db) == base + 1);
}

TEST_CASE("a database of a newer version is refused and left as it is") {
  test::scratch dir;
  {
    auto db = store::open(dir.path());
    REQUIRE(db);
    REQUIRE((*db)->commit(one(family::meta, "store.schema_version", "4711")));
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto db = store::open(dir.path());
    REQUIRE(!db);
    CHECK(db.error().code == errc::failed_precondition);
    CHECK(db.error().message.find(dir.path().string()) != std::string::npos);
    CHECK(db.error().message.find("schema version 4711") != std::string::npos);
  }
}

TEST_CASE("a schema version that is not a number is refused") {
  test::scratch dir;
  {
    auto db = store::open(dir.path());
    REQUIRE(db);
    REQUIRE((*db)->commit(one(family::meta, "store.schema_version", "1x")));
  }
  auto db = store::open(dir.path());
  REQUIRE(!db);
  CHECK(db.error().code == errc::data_loss);
}
