// The vocabulary that actors speak: atoms that name the handlers, and the payloads they carry. All
// payloads are immutable and shared (frames, shared pointers), and none ever leaves the process
// through CAF: links carry frames as bytes. That is why they are allowed as "unsafe" message types:
// CAF 0.17's own serialisation is never to touch them (it hangs on an infinite double,
// docs/decisions/0002).
#pragma once

#include "store/store.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>

namespace troupe::actors {

namespace atom {
using attach = caf::atom_constant<caf::atom("attach")>;
using adopt = caf::atom_constant<caf::atom("adopt")>;
using commit = caf::atom_constant<caf::atom("commit")>;
using execute = caf::atom_constant<caf::atom("execute")>;
using stop_trials = caf::atom_constant<caf::atom("stoptrials")>;
using hello = caf::atom_constant<caf::atom("hello")>;
using join = caf::atom_constant<caf::atom("join")>;
using kill = caf::atom_constant<caf::atom("kill")>;
using launch = caf::atom_constant<caf::atom("launch")>;
using logs = caf::atom_constant<caf::atom("logs")>;
using metrics = caf::atom_constant<caf::atom("metrics")>;
using order = caf::atom_constant<caf::atom("order")>;
using received = caf::atom_constant<caf::atom("received")>;
using report = caf::atom_constant<caf::atom("report")>;
using shutdown = caf::atom_constant<caf::atom("shutdown")>;
using status = caf::atom_constant<caf::atom("status")>;
using stop = caf::atom_constant<caf::atom("stop")>;
using suggest = caf::atom_constant<caf::atom("suggest")>;
using tick = caf::atom_constant<caf::atom("tick")>;
using welcome = caf::atom_constant<caf::atom("welcome")>;
} // namespace atom

/// A batch on its way to the store.
using batch_ptr = std::shared_ptr<const store::batch>;

/// What the store says of a commit; an empty pointer means that it is durable.
using commit_result = std::shared_ptr<const error>;

/// Receives the outcome of a command. Called once, on the controller's thread; must not block.
using outcome_callback = std::shared_ptr<const std::function<void(wire::frame<wire::Outcome>)>>;

/// Receives the log entries. Called once; must not block.
using logs_callback =
    std::shared_ptr<const std::function<void(result<wire::frame<wire::LogChunk>>)>>;

} // namespace troupe::actors

namespace caf {
template <class T>
struct allowed_unsafe_message_type<troupe::wire::frame<T>> : std::true_type {};
template <class T>
struct allowed_unsafe_message_type<troupe::wire::part<T>> : std::true_type {};
template <class T>
struct allowed_unsafe_message_type<std::shared_ptr<T>> : std::true_type {};
} // namespace caf
