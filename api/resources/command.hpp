// What the handlers of writes share: commands to the controller, and checks of bodies.
#pragma once

#include "api/query/message.hpp"
#include "api/query/resource_path.hpp"
#include "wire/control.capnp.h"
#include "wire/frame.hpp"

namespace troupe::api {

/// A command about the project and location that the request's path names.
wire::frame<wire::Command> command_for(const project_location& parent,
                                       const std::function<void(wire::Command::Builder)>& fill);

/// A new resource needs one project and one location, so "-" is rejected. `subject` begins the
/// message.
result<> check_one_location(const project_location& parent, std::string_view subject);

/// The body, or an empty object if the client sent none.
std::string_view body_or_empty(const request&);

/// Rejects a body that is neither empty nor an empty object.
result<> check_no_fields(const request&);

} // namespace troupe::api
