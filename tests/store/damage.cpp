#include "store/store.hpp"
#include "store/wal_check.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

using namespace troupe;
using namespace troupe::store;
namespace fs = std::filesystem;

namespace {

constexpr int record_count = 20;

void write_records(const fs::path& dir) {
  auto db = store::open(dir);
  REQUIRE_MESSAGE(db, db.error().message);
  for (uint64_t i = 0; i < record_count; ++i) {
    batch b;
    b.put(family::events, key_of(i), std::string(50, 'v'));
    REQUIRE((*db)->commit(b));
  }
}

uint64_t events_in(const database& db) {
  uint64_t n = 0;
  REQUIRE(db.scan(family::events, "", false, [&](std::string_view key, std::string_view value) {
    CHECK(key == key_of(n));
    CHECK(value == std::string(50, 'v'));
    ++n;
    return true;
  }));
  return n;
}

fs::path newest_log(const fs::path& dir) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(dir))
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  REQUIRE(!newest.empty());
  return newest;
}

void flip(const fs::path& file, uintmax_t at, char bits = 0x01) {
  std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
  io.seekg(static_cast<std::streamoff>(at));
  char byte = static_cast<char>(io.get());
  io.seekp(static_cast<std::streamoff>(at));
  io.put(static_cast<char>(byte ^ bits));
  REQUIRE(io.good());
}

} // namespace

TEST_CASE("the checksum is CRC-32C") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c("") == 0);
}

TEST_CASE("a torn tail loses only what was torn") {
  for (uintmax_t cut : {1, 5, 40}) {
    CAPTURE(cut);
    test::scratch dir;
    write_records(dir.path());
    auto log = newest_log(dir.path());
    fs::resize_file(log, fs::file_size(log) - cut);
    auto db = store::open(dir.path());
    REQUIRE_MESSAGE(db, db.error().message);
    CHECK(events_in(**db) == record_count - 1);
  }
}

TEST_CASE("damage in the middle of the log refuses the start, whatever byte it hits") {
  test::scratch dir;
  write_records(dir.path());
  auto log = newest_log(dir.path());
  auto middle = fs::file_size(log) / 2;
  // More bytes than one record has: payload, checksum, length and kind are all hit.
  for (uintmax_t at = middle; at < middle + 130; ++at) {
    for (char bits : {0x01, 0x04, 0x40}) {
      flip(log, at, bits);
      auto sound = check_logs(dir.path());
      CHECK_MESSAGE(!sound, "byte ", at, " bits ", int(bits));
      flip(log, at, bits);
    }
  }
  CHECK(check_logs(dir.path()));
  flip(log, middle);
  auto db = store::open(dir.path());
  REQUIRE(!db);
  CHECK(db.error().code == errc::data_loss);
  CHECK(db.error().message.find(log.string()) != std::string::npos);
}

TEST_CASE("the command that the message about damage suggests works") {
  test::scratch dir;
  write_records(dir.path());
  auto log = newest_log(dir.path());
  flip(log, fs::file_size(log) / 2);
  auto refused = store::open(dir.path());
  REQUIRE(!refused);
  const auto& message = refused.error().message;
  auto command = message.find("run: ");
  REQUIRE(command != std::string::npos);
  REQUIRE(std::system(message.substr(command + 5).c_str()) == 0);
  auto db = store::open(dir.path());
  REQUIRE_MESSAGE(db, db.error().message);
  auto left = events_in(**db);
  CHECK(left > 0);
  CHECK(left < record_count);
  CHECK(fs::exists(log.string() + ".damaged"));
}

TEST_CASE("damage in the last whole record refuses the start too") {
  test::scratch dir;
  write_records(dir.path());
  auto log = newest_log(dir.path());
  flip(log, fs::file_size(log) - 10);
  auto db = store::open(dir.path());
  REQUIRE(!db);
  CHECK(db.error().code == errc::data_loss);
  CHECK(db.error().message.find("backup") != std::string::npos);
}

TEST_CASE("records longer than a block are sound") {
  test::scratch dir;
  {
    auto db = store::open(dir.path());
    REQUIRE(db);
    for (uint64_t i = 0; i < 5; ++i) {
      batch b;
      b.put(family::service_logs, key_of(i), std::string(100'001, 'x'));
      REQUIRE((*db)->commit(b));
    }
  }
  CHECK(check_logs(dir.path()));
  auto log = newest_log(dir.path());
  flip(log, 32768); // the header of a record's second fragment
  CHECK(!check_logs(dir.path()));
  flip(log, 32768);
  auto db = store::open(dir.path());
  REQUIRE(db);
  CHECK((*(*db)->read(family::service_logs, key_of(4)))->size() == 100'001);
}

TEST_CASE("a column family that this version does not know stays") {
  test::scratch dir;
  write_records(dir.path());
  auto names = [&] {
    std::vector<std::string> all;
    REQUIRE(rocksdb::DB::ListColumnFamilies({}, dir.path().string(), &all).ok());
    return all;
  };
  {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const auto& name : names())
      families.emplace_back(name, rocksdb::ColumnFamilyOptions{});
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    REQUIRE(rocksdb::DB::Open({}, dir.path().string(), families, &handles, &raw).ok());
    std::unique_ptr<rocksdb::DB> db(raw);
    handles.emplace_back();
    REQUIRE(db->CreateColumnFamily({}, "of_the_future", &handles.back()).ok());
    for (auto* handle : handles)
      db->DestroyColumnFamilyHandle(handle);
  }
  {
    auto db = store::open(dir.path());
    REQUIRE_MESSAGE(db, db.error().message);
    CHECK(events_in(**db) == record_count);
  }
  auto left = names();
  CHECK(std::find(left.begin(), left.end(), "of_the_future") != left.end());
}
