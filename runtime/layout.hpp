// The directories of an agent on disk. Bookkeeping and logs are kept apart, because they end at
// different times: `forget` removes an attempt's bookkeeping, and only `purge` its logs.
//
//   attempts/<job>.<attempt>/launch                   the order that began it
//   attempts/<job>.<attempt>/points                   every metric point of it
//   attempts/<job>.<attempt>/<task>/<incarnation>/    one replica: order, record, started, ...
//   logs/<job>/<attempt>/<task>/<incarnation>/        its log
#pragma once

#include "wire/control.capnp.h"

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace troupe::runtime {

/// wire::ReplicaId as a value.
struct replica_key {
  uint64_t job = 0;
  uint32_t attempt = 0;
  uint32_t pool = 0;
  uint32_t index = 0;
  uint32_t incarnation = 0;

  auto operator<=>(const replica_key&) const = default;
  std::string task() const; // "workerpool0-0"
};

replica_key key_of(wire::ReplicaId::Reader);
void fill(wire::ReplicaId::Builder, const replica_key&);

std::filesystem::path attempts_directory(const std::filesystem::path& root);
std::filesystem::path attempt_directory(const std::filesystem::path& root, uint64_t job,
                                        uint32_t attempt);
std::filesystem::path replica_directory(const std::filesystem::path& root, const replica_key&);
std::filesystem::path job_log_directory(const std::filesystem::path& root, uint64_t job);
std::filesystem::path log_directory(const std::filesystem::path& root, const replica_key&);

/// The replica whose directory this is, by the last parts of the path:
/// <job>.<attempt>/<task>/<incarnation>.
std::optional<replica_key> key_of(const std::filesystem::path& replica_directory);
/// The job and attempt of a name as "4711.1".
std::optional<std::pair<uint64_t, uint32_t>> attempt_of(const std::string& name);

} // namespace troupe::runtime
