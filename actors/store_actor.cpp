#include "actors/store_actor.hpp"

namespace troupe::actors {

namespace {

store_actor::behavior_type store_behavior(store_actor::pointer, store::database* database) {
  return {
      [database](atom::commit, const batch_ptr& batch) -> commit_result {
        auto committed = database->commit(*batch);
        return committed ? nullptr : std::make_shared<const error>(committed.error());
      },
  };
}

} // namespace

store_actor spawn_store(caf::actor_system& system, store::database& database) {
  return system.spawn<caf::detached>(store_behavior, &database);
}

} // namespace troupe::actors
