#include "store/migrations.hpp"

#include <charconv>

namespace troupe::store {

namespace {

constexpr std::string_view version_key = "store.schema_version";

uint32_t newest(std::span<const migration> steps) {
  return steps.empty() ? 0 : steps.back().version;
}

} // namespace

std::span<const migration> migrations() {
  static const std::vector<migration> steps = {
      {1, [](const database&) -> result<batch> { return batch{}; }},
  };
  return steps;
}

result<uint32_t> schema_version(const database& db) {
  auto text = db.read(family::meta, version_key);
  if (!text) return std::unexpected(text.error());
  if (!*text) return 0;
  const std::string& digits = **text;
  uint32_t version = 0;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (ec != std::errc{} || end != digits.data() + digits.size())
    return fail(
        errc::data_loss,
        "{} in the family meta is '{}', expected a number: this is not a database of Troupe",
        version_key, digits);
  return version;
}

result<> check_version(uint32_t found, std::span<const migration> steps) {
  if (found > newest(steps))
    return fail(errc::failed_precondition,
                "the database has schema version {}, and this troupe knows versions up to {}: a "
                "newer troupe wrote "
                "it; run that one, or restore a backup made before the upgrade",
                found, newest(steps));
  return {};
}

result<> migrate(database& db, std::span<const migration> steps) {
  auto at = schema_version(db);
  if (!at) return std::unexpected(at.error());
  if (auto known = check_version(*at, steps); !known) return known;
  for (const migration& step : steps) {
    if (step.version <= *at) continue;
    auto changes = step.plan(db);
    if (!changes)
      return fail(changes.error().code, "migration to schema version {}: {}", step.version,
                  changes.error().message);
    changes->put(family::meta, std::string(version_key), std::to_string(step.version));
    if (auto done = db.commit(*changes); !done) return done;
  }
  return {};
}

} // namespace troupe::store
