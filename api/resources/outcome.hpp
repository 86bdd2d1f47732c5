// From the controller's outcome of a command to the response that a client gets.
#pragma once

#include "api/query/message.hpp"
#include "wire/control.capnp.h"

namespace troupe::api {

response response_of(const wire::frame<wire::Outcome>& outcome, wire::json_options);

/// The callback for backend::execute().
std::function<void(wire::frame<wire::Outcome>)> outcome_answer(wire::json_options, answer reply);

} // namespace troupe::api
