// What one step of the cluster has for the shell: what to store, and what to send once it is stored.
#pragma once

#include "store/store.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::core {

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

} // namespace troupe::core
