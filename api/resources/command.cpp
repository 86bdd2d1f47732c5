#include "api/resources/command.hpp"

#include "wire/json_tree.hpp"

namespace troupe::api {

wire::frame<wire::Command> command_for(const project_location& parent,
                                       const std::function<void(wire::Command::Builder)>& fill) {
  return wire::frame<wire::Command>::build([&](wire::Command::Builder command) {
    command.setProject(parent.project);
    command.setLocation(parent.location);
    fill(command);
  });
}

result<> check_one_location(const project_location& parent, std::string_view subject) {
  if (parent.project != "-" && parent.location != "-") return {};
  return fail(errc::invalid_argument,
              "{} is created in one project and one location; '-' stands for all of them and is "
              "only for lists",
              subject);
}

std::string_view body_or_empty(const request& request) {
  bool blank = request.body.find_first_not_of(" \t\r\n") == std::string::npos;
  return blank ? std::string_view("{}") : std::string_view(request.body);
}

result<> check_no_fields(const request& request) {
  auto body = wire::parse_json(body_or_empty(request), "request body");
  if (!body) return std::unexpected(body.error());
  if (body->is != wire::tree::kind::object)
    return fail(errc::invalid_argument, "request body: got {}; expected an empty object or nothing",
                wire::described(*body));
  if (!body->members.empty())
    return fail(errc::invalid_argument, "{}: unknown field; this method takes none",
                body->members.front().name.substr(0, 80));
  return {};
}

} // namespace troupe::api
