// Turns the outcome of a command, which the controller sends, into the response to a client.
#pragma once

#include "api/query/message.hpp"
#include "wire/control.capnp.h"

namespace troupe::api {

/// The resource that the outcome holds, or its error.
response response_of(const wire::frame<wire::Outcome>& outcome, wire::json_options);

/// The callback for backend::execute().
std::function<void(wire::frame<wire::Outcome>)> outcome_answer(wire::json_options, answer reply);

} // namespace troupe::api
