// What the handlers of writes have in common: a command for the place that a path names, and the
// requests that say everything in their path.
#pragma once

#include "api/query/message.hpp"
#include "api/query/resource_path.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

namespace troupe::api {

wire::frame<wire::Command> command_for(const project_location& parent,
                                       const std::function<void(wire::Command::Builder)>& fill);

/// Something new belongs to one project and one location; `what` begins the message.
result<> check_one_place(const project_location& parent, std::string_view what);

/// A body that may be left out: then it is an empty object.
std::string_view body_or_empty(const request&);

/// The body of a request that has no fields: nothing, or an empty object.
result<> check_no_fields(const request&);

} // namespace troupe::api
