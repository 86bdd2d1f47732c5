// The durable state of the controller: ordered keys and values in families, changed by atomic
// batches. A small interface, so that everything above it runs the same on RocksDB and, in the
// simulator and in tests, on a map in memory. Values are defined by wire/; nothing
// here reads them.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::store {

/// One per kind of resource. Append only: the names (see name_of) are stored.
/// In meta, keys that begin with "store." belong to this folder.
enum class family : uint8_t {
  meta,
  custom_jobs,
  tuning_jobs,
  operations,
  attempts,
  events,
  service_logs,
  nodes,
  studies,
  study_records, // what the controller knows of a study beside its resource
  trials,        // of studies; key: the study's, '/', the trial's number
};
inline constexpr size_t family_count = static_cast<size_t>(family::trials) + 1;

std::string_view name_of(family where);

/// Sets a key, or deletes it where there is no value.
struct write {
  family where;
  std::string key;
  std::optional<std::string> value;
};

/// Deletes every key in [first, last).
struct range_delete {
  family where;
  std::string first;
  std::string last;
};

/// Changes that happen together or not at all. The range deletes come first, then the writes in
/// order, so that one batch can clear a range and fill it again.
struct batch {
  std::vector<write> writes;
  std::vector<range_delete> range_deletes;

  bool empty() const { return writes.empty() && range_deletes.empty(); }
  void put(family where, std::string key, std::string value);
  void erase(family where, std::string key);
};

/// Every function may be called from any thread at any time.
class database {
public:
  virtual ~database() = default;

  /// Returns when the batch is durable. Calls that overlap share one sync of the disk.
  virtual result<> commit(const batch& changes) = 0;

  virtual result<std::optional<std::string>> read(family where, std::string_view key) const = 0;

  /// Visits the keys from `first` upwards; or, in reverse, from `first` (empty: the last key)
  /// downwards. Ends early where the visitor returns false. The visitor sees one snapshot, and may
  /// itself commit.
  virtual result<>
  scan(family where, std::string_view first, bool reverse,
       const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
};

/// Opens, or creates, the RocksDB database in the directory and brings it to this version's schema.
/// failed_precondition: another process has it open, or a newer Troupe wrote it.
/// data_loss: its files are damaged; the message names the file and the way out.
result<std::unique_ptr<database>> open(const std::filesystem::path& directory);

/// The twin: the same behaviour, gone when it is destroyed.
std::unique_ptr<database> in_memory();

// The keys of records have their forms in base/names.hpp.
using troupe::key_of;

} // namespace troupe::store
