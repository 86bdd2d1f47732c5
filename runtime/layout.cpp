#include "runtime/layout.hpp"

#include "base/names.hpp"

#include <fmt/format.h>

#include <charconv>

namespace troupe::runtime {

namespace {

template <class T>
std::optional<T> number_of(std::string_view text) {
  T out{};
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

} // namespace

std::string replica_key::task() const { return task_name(pool, index); }

replica_key key_of(wire::ReplicaId::Reader id) {
  return {id.getJobId(), id.getAttempt(), id.getPool(), id.getIndex(), id.getIncarnation()};
}

void fill(wire::ReplicaId::Builder id, const replica_key& key) {
  id.setJobId(key.job);
  id.setAttempt(key.attempt);
  id.setPool(key.pool);
  id.setIndex(key.index);
  id.setIncarnation(key.incarnation);
}

std::filesystem::path attempts_directory(const std::filesystem::path& root) {
  return root / "attempts";
}

std::filesystem::path attempt_directory(const std::filesystem::path& root, uint64_t job,
                                        uint32_t attempt) {
  return attempts_directory(root) / fmt::format("{}.{}", job, attempt);
}

std::filesystem::path replica_directory(const std::filesystem::path& root, const replica_key& key) {
  return attempt_directory(root, key.job, key.attempt) / key.task()
         / std::to_string(key.incarnation);
}

std::filesystem::path job_log_directory(const std::filesystem::path& root, uint64_t job) {
  return root / "logs" / std::to_string(job);
}

std::filesystem::path log_directory(const std::filesystem::path& root, const replica_key& key) {
  return job_log_directory(root, key.job) / std::to_string(key.attempt) / key.task()
         / std::to_string(key.incarnation);
}

std::optional<std::pair<uint64_t, uint32_t>> attempt_of(const std::string& name) {
  auto dot = name.find('.');
  if (dot == name.npos) return std::nullopt;
  auto job = number_of<uint64_t>(std::string_view(name).substr(0, dot));
  auto attempt = number_of<uint32_t>(std::string_view(name).substr(dot + 1));
  if (!job || !attempt) return std::nullopt;
  return std::pair(*job, *attempt);
}

std::optional<replica_key> key_of(const std::filesystem::path& directory) {
  auto attempt = attempt_of(directory.parent_path().parent_path().filename().string());
  auto task = parse_task_name(directory.parent_path().filename().string());
  auto incarnation = number_of<uint32_t>(directory.filename().string());
  if (!attempt || !task || !incarnation) return std::nullopt;
  return replica_key{attempt->first, attempt->second, task->pool, task->index, *incarnation};
}

} // namespace troupe::runtime
