// The controller's mind: the state of the whole cluster and what follows from each event. Pure: no
// I/O, no clock, no threads, no randomness of its own, so that the same events give the same
// effects, a simulation can drive it through years of faults in seconds, and a restart rebuilds it
// from the store.
#pragma once

#include "base/instant.hpp"
#include "core/state/effects.hpp"
#include "core/state/settings.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace troupe::core {

/// Reads one family in key order, for recovery. The store's scan() fits.
using scanner = std::function<result<>(
    store::family, const std::function<bool(std::string_view key, std::string_view value)>&)>;

struct parts;

class cluster {
public:
  /// A cluster with no history. `cluster_id` is fresh randomness in hex.
  cluster(settings, std::string cluster_id);

  /// The cluster as the store last knew it, with its epoch raised; `effects` holds the write of the
  /// new epoch, to be committed before anything else. Every node counts as disconnected until it
  /// says hello; suggestion requests that were under way are asked again. An empty store gives a
  /// new cluster.
  static result<std::pair<std::unique_ptr<cluster>, effects>>
  recover(settings, std::string fresh_cluster_id, instant now, const scanner&);
  ~cluster();

  /// One step. Never fails: bad input becomes an error in a reply, stale or repeated reports change
  /// nothing.
  effects on(const wire::frame<wire::Event>& event);

  /// When on() wants a `tick` at the latest; nullopt: not before something else happens.
  std::optional<instant> wake_at() const;

  const std::string& id() const;
  uint64_t epoch() const;

  /// Checks what must hold in every state (docs/architecture.md): the rule that does not, in words, or
  /// nothing. Also done by recover(), and now and then by on(), where it ends the process.
  std::optional<std::string> violated_invariant() const;

private:
  explicit cluster(std::unique_ptr<parts>);
  std::unique_ptr<parts> parts_;
};

} // namespace troupe::core
