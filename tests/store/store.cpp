#include "store/store.hpp"

#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <unistd.h>

using namespace troupe;
using namespace troupe::store;

namespace {

using rows = std::vector<std::pair<std::string, std::string>>;

rows all_from(const database& db, family where, std::string_view first = {}, bool reverse = false) {
  rows seen;
  REQUIRE(db.scan(where, first, reverse, [&](std::string_view key, std::string_view value) {
    seen.emplace_back(key, value);
    return true;
  }));
  return seen;
}

/// Runs the rest of the test once per twin.
struct twin {
  twin() {
    SUBCASE("in memory") { db = in_memory(); }
    SUBCASE("on RocksDB") {
      auto opened = store::open(dir.path());
      REQUIRE_MESSAGE(opened, opened.error().message);
      db = std::move(*opened);
    }
  }
  test::scratch dir;
  std::unique_ptr<database> db;
};

void fill(database& db) {
  batch b;
  for (std::string key : {"a", "b", "c", "d"})
    b.put(family::nodes, key, key + key);
  REQUIRE(db.commit(b));
}

} // namespace

TEST_CASE("reads what was committed, family by family") {
  twin t;
  batch b;
  b.put(family::custom_jobs, "k", "job");
  b.put(family::tuning_jobs, "k", std::string("\0bytes\xff", 7));
  REQUIRE(t.db->commit(b));
  CHECK(*t.db->read(family::custom_jobs, "k") == "job");
  CHECK(*t.db->read(family::tuning_jobs, "k") == std::string("\0bytes\xff", 7));
  CHECK(*t.db->read(family::events, "k") == std::nullopt);
  CHECK(*t.db->read(family::custom_jobs, "other") == std::nullopt);
}

TEST_CASE("writes apply in order, the last one wins") {
  twin t;
  batch b;
  b.put(family::meta, "x", "1");
  b.erase(family::meta, "x");
  b.put(family::meta, "x", "2");
  b.put(family::meta, "y", "3");
  b.erase(family::meta, "y");
  REQUIRE(t.db->commit(b));
  CHECK(*t.db->read(family::meta, "x") == "2");
  CHECK(*t.db->read(family::meta, "y") == std::nullopt);
}

TEST_CASE("an empty value is a value") {
  twin t;
  batch b;
  b.put(family::service_logs, "e", "");
  REQUIRE(t.db->commit(b));
  CHECK(*t.db->read(family::service_logs, "e") == "");
}

TEST_CASE("a range delete leaves its end, and writes of its batch come after it") {
  twin t;
  fill(*t.db);
  batch b;
  b.put(family::nodes, "b", "new");
  b.range_deletes.push_back({family::nodes, "a", "d"});
  REQUIRE(t.db->commit(b));
  CHECK(all_from(*t.db, family::nodes) == rows{{"b", "new"}, {"d", "dd"}});
}

TEST_CASE("a range delete with its ends swapped is refused and changes nothing") {
  twin t;
  fill(*t.db);
  batch b;
  b.put(family::nodes, "z", "z");
  b.range_deletes.push_back({family::nodes, "d", "a"});
  auto done = t.db->commit(b);
  REQUIRE(!done);
  CHECK(done.error().code == errc::invalid_argument);
  CHECK(all_from(*t.db, family::nodes).size() == 4);
}

TEST_CASE("scans both ways from any key") {
  twin t;
  fill(*t.db);
  const auto& db = *t.db;
  CHECK(all_from(db, family::nodes) == rows{{"a", "aa"}, {"b", "bb"}, {"c", "cc"}, {"d", "dd"}});
  CHECK(all_from(db, family::nodes, "b") == rows{{"b", "bb"}, {"c", "cc"}, {"d", "dd"}});
  CHECK(all_from(db, family::nodes, "bx") == rows{{"c", "cc"}, {"d", "dd"}});
  CHECK(all_from(db, family::nodes, "e").empty());
  CHECK(all_from(db, family::nodes, "", true)
        == rows{{"d", "dd"}, {"c", "cc"}, {"b", "bb"}, {"a", "aa"}});
  CHECK(all_from(db, family::nodes, "b", true) == rows{{"b", "bb"}, {"a", "aa"}});
  CHECK(all_from(db, family::nodes, "bx", true) == rows{{"b", "bb"}, {"a", "aa"}});
  CHECK(all_from(db, family::nodes, "A", true).empty());
  CHECK(all_from(db, family::events).empty());
}

TEST_CASE("a visitor can end the scan, and can commit without seeing what it commits") {
  twin t;
  fill(*t.db);
  rows seen;
  REQUIRE(t.db->scan(family::nodes, "", false, [&](std::string_view key, std::string_view value) {
    seen.emplace_back(key, value);
    batch b;
    b.put(family::nodes, "cc", "late");
    b.erase(family::nodes, "c");
    REQUIRE(t.db->commit(b));
    return key != "c";
  }));
  CHECK(seen == rows{{"a", "aa"}, {"b", "bb"}, {"c", "cc"}});
  CHECK(all_from(*t.db, family::nodes, "b", false)
        == rows{{"b", "bb"}, {"cc", "late"}, {"d", "dd"}});
}

TEST_CASE("an empty batch changes nothing and is no error") {
  twin t;
  CHECK(batch{}.empty());
  CHECK(t.db->commit({}));
}

TEST_CASE("batches of many threads are atomic") {
  twin t;
  constexpr int writers = 4, rounds = 25;
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!done) {
      // Every batch writes one value under two keys, so a snapshot must find them equal.
      std::string left, right;
      (void)t.db->scan(family::attempts, "", false,
                       [&](std::string_view key, std::string_view value) {
                         (key == "left" ? left : right) = value;
                         return true;
                       });
      torn += left != right;
    }
  });
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      for (int i = 0; i < rounds; ++i) {
        batch b;
        b.put(family::attempts, "left", fmt::format("{}/{}", w, i));
        b.put(family::attempts, "right", fmt::format("{}/{}", w, i));
        b.put(family::events, key_of(static_cast<uint64_t>(w * rounds + i)), "");
        failed += !t.db->commit(b);
      }
    });
  for (auto& thread : threads)
    thread.join();
  done = true;
  reader.join();
  CHECK(torn == 0);
  CHECK(failed == 0);
  CHECK(all_from(*t.db, family::events).size() == writers * rounds);
}

TEST_CASE("keys of ids order as the ids do") {
  CHECK(key_of(0) == "00000000000000000000");
  CHECK(key_of(42) == "00000000000000000042");
  CHECK(key_of(UINT64_MAX) == "18446744073709551615");
  CHECK(key_of(9) < key_of(10));
  CHECK(key_of(999) < key_of(UINT64_MAX));
}

TEST_CASE("what was committed is there after reopening") {
  test::scratch dir;
  for (int round = 0; round < 3; ++round) {
    auto db = store::open(dir.path());
    REQUIRE_MESSAGE(db, db.error().message);
    CHECK(all_from(**db, family::events).size() == static_cast<size_t>(round));
    batch b;
    b.put(family::events, key_of(static_cast<uint64_t>(round)), "event");
    REQUIRE((*db)->commit(b));
  }
}

TEST_CASE("a second opener is refused by name") {
  test::scratch dir;
  auto first = store::open(dir.path());
  REQUIRE(first);
  auto second = store::open(dir.path());
  REQUIRE(!second);
  CHECK(second.error().code == errc::failed_precondition);
  CHECK(second.error().message.find(dir.path().string()) != std::string::npos);
  CHECK(second.error().message.find(fmt::format("process {}", ::getpid())) != std::string::npos);
  first->reset();
  CHECK(store::open(dir.path()));
}

TEST_CASE("a directory that cannot be made is an error with its name") {
  auto db = store::open("/proc/troupe-state");
  REQUIRE(!db);
  CHECK(db.error().code == errc::failed_precondition);
  CHECK(db.error().message.find("/proc/troupe-state") != std::string::npos);
}
