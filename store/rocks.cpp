// The store on RocksDB.
#include "base/directory_lock.hpp"
#include "store/migrations.hpp"
#include "store/wal_check.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>

namespace troupe::store {

namespace {

namespace fs = std::filesystem;

constexpr size_t mib = size_t{1} << 20;

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  // The default, kPointInTimeRecovery, silently stops at damage in the middle of the log.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.recycle_log_file_num = 0; // wal_check reads logs that were never recycled
  // The state of a cluster is megabytes: small buffers keep memory and the time to recover small.
  options.db_write_buffer_size = 16 * mib;
  options.max_total_wal_size = 32 * mib;
  options.max_background_jobs = 2;
  options.max_file_opening_threads = 1;
  options.max_open_files = 256;
  options.keep_log_file_num = 3;
  options.max_log_file_size = 1 * mib;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions family_options() {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  static const auto cache = rocksdb::NewLRUCache(16 * mib);
  table.block_cache = cache;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = 4 * mib;
  return options;
}

std::unexpected<error> failure(const fs::path& directory, std::string_view doing,
                               const rocksdb::Status& status) {
  if (status.IsCorruption())
    return fail(errc::data_loss,
                "{}: {}: {}: acknowledged changes may be gone, so nothing is guessed; restore the "
                "directory from a "
                "backup, or move it away and start with an empty one",
                directory.string(), doing, status.ToString());
  return fail(errc::unavailable, "{}: {}: {}; check free space, permissions and the disk",
              directory.string(), doing, status.ToString());
}

class rocks_database final : public database {
public:
  static result<std::unique_ptr<rocks_database>> open(const fs::path& directory,
                                                      directory_lock lock);
  ~rocks_database() override;

  result<> commit(const batch& changes) override;
  result<std::optional<std::string>> read(family where, std::string_view key) const override;
  result<>
  scan(family where, std::string_view first, bool reverse,
       const std::function<bool(std::string_view, std::string_view)>& visit) const override;

private:
  rocks_database(fs::path directory, directory_lock lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}

  result<> open_existing();
  result<> create_missing();

  rocksdb::ColumnFamilyHandle* handle(family where) const {
    return by_family_.at(static_cast<size_t>(where));
  }

  fs::path directory_;
  directory_lock lock_; // released after RocksDB has closed its files
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*>
      handles_; // all of them: RocksDB wants the unknown ones open too
  std::array<rocksdb::ColumnFamilyHandle*, family_count> by_family_{};
};

result<std::unique_ptr<rocks_database>> rocks_database::open(const fs::path& directory,
                                                             directory_lock lock) {
  std::unique_ptr<rocks_database> db(new rocks_database(directory, std::move(lock)));
  if (auto opened = db->open_existing(); !opened) return std::unexpected(opened.error());
  // The version is looked at before anything changes: a newer database is left as it is.
  if (db->handle(family::meta)) {
    auto version = schema_version(*db);
    if (!version) return std::unexpected(version.error());
    if (auto known = check_version(*version, migrations()); !known)
      return fail(known.error().code, "{}: {}", directory.string(), known.error().message);
  }
  if (auto made = db->create_missing(); !made) return std::unexpected(made.error());
  if (auto done = migrate(*db, migrations()); !done)
    return fail(done.error().code, "{}: {}", directory.string(), done.error().message);
  return db;
}

rocks_database::~rocks_database() {
  if (!db_) return;
  for (auto* handle : handles_)
    db_->DestroyColumnFamilyHandle(handle);
  db_->Close();
}

result<> rocks_database::open_existing() {
  auto options = database_options();
  std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
  if (fs::exists(directory_ / "CURRENT")) {
    auto status = rocksdb::DB::ListColumnFamilies(options, directory_.string(), &names);
    if (!status.ok()) return failure(directory_, "listing the column families", status);
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names)
    families.emplace_back(name, family_options());
  rocksdb::DB* db = nullptr;
  auto status = rocksdb::DB::Open(options, directory_.string(), families, &handles_, &db);
  if (!status.ok()) return failure(directory_, "opening the database", status);
  db_.reset(db);
  for (size_t i = 0; i < family_count; ++i)
    for (auto* handle : handles_)
      if (handle->GetName() == name_of(static_cast<family>(i))) by_family_[i] = handle;
  return {};
}

result<> rocks_database::create_missing() {
  for (size_t i = 0; i < family_count; ++i) {
    if (by_family_[i]) continue;
    auto name = std::string(name_of(static_cast<family>(i)));
    auto status = db_->CreateColumnFamily(family_options(), name, &by_family_[i]);
    if (!status.ok()) return failure(directory_, "creating the column family " + name, status);
    handles_.push_back(by_family_[i]);
  }
  return {};
}

result<> rocks_database::commit(const batch& changes) {
  if (changes.empty()) return {};
  rocksdb::WriteBatch writes;
  for (const range_delete& range : changes.range_deletes) {
    if (range.first > range.last)
      return fail(errc::invalid_argument, "range delete in {}: first '{}' is after last '{}'",
                  name_of(range.where), range.first, range.last);
    writes.DeleteRange(handle(range.where), range.first, range.last);
  }
  for (const write& change : changes.writes) {
    if (change.value)
      writes.Put(handle(change.where), change.key, *change.value);
    else
      writes.Delete(handle(change.where), change.key);
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  if (auto status = db_->Write(options, &writes); !status.ok())
    return failure(directory_, "committing", status);
  return {};
}

result<std::optional<std::string>> rocks_database::read(family where, std::string_view key) const {
  std::string value;
  auto status = db_->Get({}, handle(where), {key.data(), key.size()}, &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return failure(directory_, "reading", status);
  return value;
}

result<>
rocks_database::scan(family where, std::string_view first, bool reverse,
                     const std::function<bool(std::string_view, std::string_view)>& visit) const {
  std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, handle(where)));
  rocksdb::Slice from(first.data(), first.size());
  if (!reverse)
    at->Seek(from);
  else if (first.empty())
    at->SeekToLast();
  else
    at->SeekForPrev(from);
  while (at->Valid()) {
    if (!visit(at->key().ToStringView(), at->value().ToStringView())) return {};
    reverse ? at->Prev() : at->Next();
  }
  if (!at->status().ok())
    return failure(directory_, "scanning " + std::string(name_of(where)), at->status());
  return {};
}

} // namespace

result<std::unique_ptr<database>> open(const fs::path& directory) {
  std::error_code ec;
  fs::create_directories(directory, ec);
  if (ec)
    return fail(errc::failed_precondition, "cannot create the state directory {}: {}",
                directory.string(), ec.message());
  auto lock = directory_lock::take(directory, "owner", [&](const std::string& process) {
    return fmt::format("{} is in use by process {}: stop it first, or give this one a directory of "
                       "its own",
                       directory.string(), process);
  });
  if (!lock) return std::unexpected(lock.error());
  if (auto sound = check_logs(directory); !sound) return std::unexpected(sound.error());
  auto db = rocks_database::open(directory, std::move(*lock));
  if (!db) return std::unexpected(db.error());
  return std::move(*db);
}

} // namespace troupe::store
