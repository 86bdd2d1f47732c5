#include "actors/store_actor.hpp"

namespace troupe::actors {

namespace {

store_actor::behavior_type store_behavior(store_actor::pointer, store::database* database) {
  return {
      [database](atom::commit, const batch_ptr& batch) -> commit_result {
        auto done = database->commit(*batch);
        return done ? nullptr : std::make_shared<const error>(done.error());
      },
  };
}

} // namespace

store_actor spawn_store(caf::actor_system& system, store::database& database) {
  return system.spawn<caf::detached>(store_behavior, &database);
}

} // namespace troupe::actors
