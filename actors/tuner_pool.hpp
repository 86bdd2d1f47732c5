// What studies ask of the tuner is computed off the controller's path, and off CAF's worker
// threads, which everything else shares: by a few detached actors, which live while there is work.
// Answers come back to the controller as messages; whatever goes wrong, as a sentence in the
// answer.
#pragma once

#include "actors/actors.hpp"
#include "core/cluster/cluster.hpp"

#include <memory>

namespace troupe::actors {

/// The next trials, by tuner::suggest.
wire::frame<wire::Suggestions> answer_of(const core::suggestion_request& request);

/// The running trials that are not worth finishing, by tuner::trials_to_stop.
wire::frame<wire::Stoppings> answer_of(const core::stopping_request& request);

class tuner_pool {
public:
  /// As many at once as `threads`, the others wait in the order of their arrival; 0: half of this
  /// machine's, but two at least.
  explicit tuner_pool(size_t threads = 0);

  /// What still waits is not computed any more.
  ~tuner_pool();

  /// Computes answer_of(request) and sends it to the controller.
  void ask(caf::actor_system& system, const controller_actor& controller,
           core::suggestion_request request);
  void ask(caf::actor_system& system, const controller_actor& controller,
           core::stopping_request request);

private:
  class queue;
  std::shared_ptr<queue> queue_;
};

} // namespace troupe::actors
