#include "actors/store_actor.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

/// A database that takes no writes.
class broken_database : public store::database {
public:
  result<> commit(const store::batch&) override { return fail(errc::unavailable, "disk is full"); }
  result<std::optional<std::string>> read(store::family, std::string_view) const override {
    return std::nullopt;
  }
  result<> scan(store::family, std::string_view, bool,
                const std::function<bool(std::string_view, std::string_view)>&) const override {
    return {};
  }
};

commit_result committed(store::database& database, const store::batch& batch) {
  caf::actor_system_config settings;
  caf::actor_system system(settings);
  auto store = spawn_store(system, database);
  commit_result answer = std::make_shared<const error>(error{errc::internal, "no answer"});
  caf::scoped_actor self{system};
  self->request(store, std::chrono::seconds(60), atom::commit::value,
                std::make_shared<const store::batch>(batch))
      .receive([&](const commit_result& outcome) { answer = outcome; }, [](const caf::error&) {});
  caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
  return answer;
}

store::batch one_write() {
  store::batch batch;
  batch.put(store::family::custom_jobs, "7", "job");
  return batch;
}

} // namespace

TEST_CASE("the store actor answers without an error once the batch is in the database") {
  auto database = store::in_memory();
  CHECK_FALSE(committed(*database, one_write()));
  CHECK(*database->read(store::family::custom_jobs, "7") == "job");
}

TEST_CASE("the store actor answers with the database's error when the commit fails") {
  broken_database database;
  const auto failed = committed(database, one_write());
  REQUIRE(failed);
  CHECK(failed->message == "disk is full");
}
