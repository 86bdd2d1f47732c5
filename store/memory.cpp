// The store on a map in memory: for the simulator and for tests.
#include "store/migrations.hpp"

#include <array>
#include <cassert>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace troupe::store {

namespace {

class memory_database final : public database {
public:
  result<> commit(const batch& changes) override {
    for (const range_delete& range : changes.range_deletes)
      if (range.first > range.last)
        return fail(errc::invalid_argument, "range delete in {}: first '{}' is after last '{}'",
                    name_of(range.where), range.first, range.last);
    std::unique_lock lock(mutex_);
    for (const range_delete& range : changes.range_deletes) {
      table& rows = rows_of(range.where);
      rows.erase(rows.lower_bound(range.first), rows.lower_bound(range.last));
    }
    for (const write& change : changes.writes) {
      table& rows = rows_of(change.where);
      if (change.value)
        rows.insert_or_assign(change.key, std::make_shared<const std::string>(*change.value));
      else
        rows.erase(change.key);
    }
    return {};
  }

  result<std::optional<std::string>> read(family where, std::string_view key) const override {
    std::shared_lock lock(mutex_);
    const table& rows = rows_of(where);
    auto row = rows.find(key);
    if (row == rows.end()) return std::nullopt;
    return *row->second;
  }

  result<>
  scan(family where, std::string_view first, bool reverse,
       const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    // Copied before the first visit: the visitor may commit, and sees the state as it was when it
    // began.
    for (const auto& [key, value] : reverse ? downwards(where, first) : upwards(where, first))
      if (!visit(key, *value)) break;
    return {};
  }

private:
  using text = std::shared_ptr<const std::string>;
  using table = std::map<std::string, text, std::less<>>;
  using rows = std::vector<std::pair<std::string, text>>;

  rows upwards(family where, std::string_view first) const {
    std::shared_lock lock(mutex_);
    const table& all = rows_of(where);
    return {all.lower_bound(first), all.end()};
  }

  rows downwards(family where, std::string_view first) const {
    std::shared_lock lock(mutex_);
    const table& all = rows_of(where);
    auto end = first.empty() ? all.end() : all.upper_bound(first);
    return {std::make_reverse_iterator(end), all.rend()};
  }

  table& rows_of(family where) { return tables_.at(static_cast<size_t>(where)); }
  const table& rows_of(family where) const { return tables_.at(static_cast<size_t>(where)); }

  mutable std::shared_mutex mutex_;
  std::array<table, family_count> tables_;
};

} // namespace

std::unique_ptr<database> in_memory() {
  auto db = std::make_unique<memory_database>();
  [[maybe_unused]] auto done = migrate(*db, migrations());
  assert(done);
  return db;
}

} // namespace troupe::store
