// The controller's mind: the state of the whole cluster and what follows from each event. Pure: no
// I/O, no clock, no threads, no randomness of its own, so that the same events give the same
// effects, a simulation can drive it through years of faults in seconds, and a restart rebuilds it
// from the store.
#pragma once

#include "base/instant.hpp"
#include "core/machines/machine.hpp"
#include "store/store.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::core {

struct settings {
  machine_table machines; // what a machineType stands for
  micros node_lost_after = std::chrono::seconds(
      60); // a node away for longer loses its replicas; until then they may come back
  micros termination_grace = std::chrono::seconds(30);
  micros launch_deadline = std::chrono::seconds(
      60); // a replica ordered but not reported by a connected node is ordered again
  uint32_t replica_restarts_max = 5; // vertex.md §2.8
  uint32_t job_retries_max = 3;
  uint64_t events_retained = 1'000'000;
};

struct order {
  std::string node;
  wire::frame<wire::Order> message;
};

struct reply {
  uint64_t request;
  wire::frame<wire::Outcome> outcome;
};

/// A study's spec and its trials. Both are of a tuning job or of a study of Vizier's; this is the
/// one message that holds the two.
using study_frame = wire::frame<wire::HyperparameterTuningJob>;

/// Ask the tuner for the next trials; its answer comes back as a `suggestions` event.
struct suggestion_request {
  uint64_t study;       // or tuning job
  uint32_t first_trial; // the number that the first new trial will get
  uint32_t count;
  uint64_t operation;                    // to be given back; 0 for a tuning job
  study_frame job;                       // all trials so far; measurements as far as they count
  wire::frame<wire::TrialContext> fixed; // values that every suggestion must have
  std::vector<study_frame> priors;       // earlier studies to learn from
};

/// Ask the tuner which running trials the study's rule would stop; its answer comes back as a
/// `stoppings` event.
struct stopping_request {
  uint64_t study;
  uint64_t operation; // to be given back; 0 for a tuning job
  study_frame job;    // all trials so far, with their measurements
};

/// A node whose session must be refused or ended, and why (a name already taken by a live node, a
/// foreign cluster).
struct refusal {
  std::string node;
  uint64_t agent_epoch;
  std::string reason;
};

/// What the shell shall do, in this order: commit `writes` in one synced batch; only then send the
/// rest.
struct effects {
  store::batch writes;
  std::vector<order> orders;
  std::vector<reply> replies;
  std::vector<suggestion_request> suggestion_requests;
  std::vector<stopping_request> stopping_requests;
  std::vector<refusal> refusals;
};

/// Reads one family in key order, for recovery. The store's scan() fits.
using scanner = std::function<result<>(
    store::family, const std::function<bool(std::string_view key, std::string_view value)>&)>;

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

  /// Checks the invariants I1-I6 of the design that one state can show; the violated one in words,
  /// or nothing.
  std::optional<std::string> violated_invariant() const;

private:
  struct impl;
  explicit cluster(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace troupe::core
