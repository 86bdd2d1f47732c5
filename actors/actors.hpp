// All interfaces between actors, one alias per role, one comment line per handler.
#pragma once

#include "actors/messages.hpp"
#include "runtime/layout.hpp"

namespace troupe::actors {

template <class... Clauses>
using actor_of = caf::typed_actor<Clauses...>;

/// The STORE: commits batches to the database, one thread apart, so that a sync of the disk blocks
/// nobody else.
using store_actor = actor_of<
    // Makes the batch durable; an empty result means that it is.
    caf::replies_to<atom::commit, batch_ptr>::with<commit_result>>;

/// The AGENT: one node's inventory and its attempts. Behind a link, an agent proxy answers to the
/// same interface.
using agent_actor = actor_of<
    // Carries out an order of the controller; stale ones are dropped.
    caf::reacts_to<atom::order, wire::frame<wire::Order>>,
    // Reads log entries of a job from this node's disk.
    caf::replies_to<atom::logs, wire::frame<wire::LogQuery>>::with<wire::frame<wire::LogChunk>>>;

/// The REPORT TARGET: receives an agent's reports. The controller itself, or the agent's end of a link.
using report_target_actor = actor_of<
    // Something happened on the node.
    caf::reacts_to<atom::report, wire::frame<wire::Report>>>;

/// The CONTROLLER: owns the cluster's state; the single writer.
using controller_actor = report_target_actor::extend<
    // A node says hello; answers, once stored, with the welcome or the refusal.
    caf::replies_to<atom::join, wire::frame<wire::NodeHello>,
                    agent_actor>::with<wire::frame<wire::NodeWelcome>>,
    // A command of the API; the callback gets the outcome once it is durable.
    caf::reacts_to<atom::execute, wire::frame<wire::Command>, outcome_callback>,
    // Log entries of a job on the named node, for the API.
    caf::reacts_to<atom::logs, std::string, wire::frame<wire::LogQuery>, logs_callback>,
    // INTERNAL: what the tuner proposes for a study.
    caf::reacts_to<atom::suggest, wire::frame<wire::Suggestions>>,
    // INTERNAL: which of a study's trials the tuner would stop.
    caf::reacts_to<atom::stop_trials, wire::frame<wire::Stoppings>>,
    // INTERNAL: the core asked to be woken now.
    caf::reacts_to<atom::tick>>;

/// Replicas that a deadline is about.
using replica_list = std::shared_ptr<const std::vector<runtime::replica_key>>;

/// The ATTEMPT: the life of one attempt of a job (custom job or trial) on this node, from its launch
/// or adoption to its stop, and its reports. One that runs a trial of a tuning job is also called a
/// trial actor.
using attempt_actor = actor_of<
    // Starts the replicas that the order names.
    caf::reacts_to<atom::launch, wire::part<wire::Launch>>,
    // Stops them, gently first. Replicas that have ended are reported again: the controller may be
    // waiting for just that.
    caf::reacts_to<atom::stop, wire::part<wire::Stop>>,
    // Takes over what an earlier agent left; false: nothing that can be followed.
    caf::replies_to<atom::adopt>::with<bool>,
    // From now on reports go here; all that is known is reported again.
    caf::reacts_to<atom::attach, report_target_actor>,
    // Reports nothing more and stops every replica; answers when none is left.
    caf::replies_to<atom::shutdown>::with<bool>,
    // INTERNAL: a replica changed.
    caf::reacts_to<atom::status, wire::frame<wire::ReplicaStatus>>,
    // INTERNAL: a replica measured something.
    caf::reacts_to<atom::metrics, wire::frame<wire::MetricReport>>,
    // INTERNAL: these replicas should have ended by now.
    caf::reacts_to<atom::kill, replica_list>>;

/// The node's agent as its own process sees it.
using local_agent_actor = agent_actor::extend<
    // The hello that describes the node now. Answered only once everything left by an earlier agent
    // is adopted.
    caf::replies_to<atom::hello>::with<wire::frame<wire::NodeHello>>,
    // Joins a controller of this process; answers with its welcome or refusal.
    caf::replies_to<atom::join, controller_actor>::with<wire::frame<wire::NodeWelcome>>,
    // From the next welcome on reports go here.
    caf::reacts_to<atom::attach, report_target_actor>,
    // The controller accepted (or refused) the node; everything it may have missed is reported
    // again.
    caf::reacts_to<atom::welcome, wire::frame<wire::NodeWelcome>>,
    // Stops every replica and forgets them; answers when none is left, or with false in the end.
    caf::replies_to<atom::shutdown>::with<bool>>;

/// The LOG READER: reads a node's log files, one thread apart.
using log_reader_actor = actor_of<
    caf::replies_to<atom::logs, wire::frame<wire::LogQuery>>::with<wire::frame<wire::LogChunk>>>;

/// The AGENT PROXY: an agent behind a link, as the controller sees it.
using agent_proxy_actor = agent_actor::extend<
    // INTERNAL: a report came over the link.
    caf::reacts_to<atom::received, wire::frame<wire::Report>, uint64_t>,
    // INTERNAL: the answer to the log query of that number came over the link.
    caf::reacts_to<atom::received, wire::frame<wire::LogChunk>, uint64_t>>;

/// The CONTROLLER LINK: the controller behind a link, as the agent sees it.
using controller_link_actor = report_target_actor::extend<
    // INTERNAL: a log query of that number came over the link.
    caf::reacts_to<atom::received, wire::frame<wire::LogQuery>, uint64_t>>;

} // namespace troupe::actors
