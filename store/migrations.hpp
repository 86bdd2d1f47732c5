// Numbered steps that bring an older database to this version's schema. Each step is one batch
// together with the new number, so a crash leaves the database at one version or the next, never
// between.
#pragma once

#include "store/store.hpp"

#include <functional>
#include <span>

namespace troupe::store {

struct migration {
  uint32_t version;                                   // of the database afterwards
  std::function<result<batch>(const database&)> plan; // reads the old state; returns what changes
};

/// Every step there has ever been, in order, from version 1 (an empty database).
std::span<const migration> migrations();

/// 0: nothing was ever stored here.
result<uint32_t> schema_version(const database& db);

/// failed_precondition where the database is newer than the last step.
result<> check_version(uint32_t found, std::span<const migration> steps);

result<> migrate(database& db, std::span<const migration> steps);

} // namespace troupe::store
