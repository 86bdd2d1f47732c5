// Long-running operations: list, show, wait.
#include "api/backend/listing.hpp"
#include "api/backend/lookup.hpp"
#include "api/backend/operation_waits.hpp"
#include "api/query/filter.hpp"
#include "api/resources/command.hpp"
#include "api/resources/handlers.hpp"
#include "base/names.hpp"
#include "wire/json_scalars.hpp"
#include "wire/json_tree.hpp"

#include <algorithm>

namespace troupe::api {

namespace {

constexpr auto collection = "operations";

/// The name that the path gives. It may contain a study and a trial.
std::string name_of(const resource_path& path) {
  std::string name = path.parent.name();
  constexpr std::string_view above[] = {"studies", "trials"};
  for (size_t depth = 0; depth < path.ancestors.size(); ++depth)
    name += fmt::format("/{}/{}", above[depth], path.ancestors[depth]);
  return fmt::format("{}/operations/{}", name, path.id);
}

/// An operation is found by its id. The path may or may not name the study and the trial above it.
result<wire::frame<wire::Operation>> operation_at(const context& context,
                                                  const resource_path& path) {
  auto missing = std::unexpected(no_such_resource(context, name_of(path)));
  auto id = parse_id(path.id);
  if (!id) return missing;
  auto found =
      stored<wire::Operation>(context.database(), store::family::operations, store::key_of(*id));
  if (!found) return std::unexpected(found.error());
  if (!*found) return missing;
  auto name = wire::view((**found)->getName());
  bool same = name == name_of(path) || name == resource_name(path.parent, collection, path.id);
  return same ? result<wire::frame<wire::Operation>>(std::move(**found)) : missing;
}

/// The time that the client asks for, but never so long that the answer would come too late.
result<std::chrono::milliseconds> wait_time(const context& context, const request& request) {
  auto longest = context.settings.command_timeout_ms * 4 / 5;
  std::string text(request.parameter("timeout"));
  auto body = wire::parse_json(body_or_empty(request), "request body");
  if (!body) return std::unexpected(body.error());
  for (const auto& member : body->members) {
    if (member.name != "timeout")
      return fail(errc::invalid_argument, "{}: unknown field; expected timeout",
                  member.name.substr(0, 80));
    if (member.value.is != wire::tree::kind::text)
      return fail(errc::invalid_argument, "timeout: got {}; expected a duration, as \"10s\"",
                  wire::described(member.value));
    text = member.value.scalar;
  }
  if (body->is != wire::tree::kind::object)
    return fail(errc::invalid_argument, "request body: got {}; expected an object",
                wire::described(*body));
  if (text.empty()) return longest;
  auto micros = wire::duration_of(text);
  if (!micros || *micros < 0)
    return fail(errc::invalid_argument,
                "timeout: '{}' is not a duration; expected seconds, as \"10s\"",
                text.substr(0, 40));
  return std::min(longest, std::chrono::milliseconds(*micros / 1000));
}

std::optional<field_type> type_of(const field_path& path) {
  if (path.size() != 1) return std::nullopt;
  if (path[0] == "name") return field_type::text;
  if (path[0] == "done") return field_type::boolean;
  return std::nullopt;
}

field_values values_of(wire::Operation::Reader operation, const field_path& path) {
  if (path[0] == "name") return {.texts = {wire::str(operation.getName())}};
  return {.numbers = {operation.getDone()}};
}

result<std::string> page_of_operations(const context& context, const request& request,
                                       const resource_path& path) {
  auto text = request.parameter("filter");
  auto wanted = filter::parse(text, type_of, "name, done");
  if (!wanted) return std::unexpected(wanted.error());
  auto page = parse_page(request, fmt::format("{}/operations?{}", path.parent.name(), text));
  if (!page) return std::unexpected(page.error());
  auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
    auto operation = wire::frame<wire::Operation>::parse(value);
    if (!operation) return std::unexpected(operation.error());
    auto row = [&](const field_path& field) { return values_of(**operation, field); };
    if (!path.parent.holds(wire::view((*operation)->getName())) || !wanted->matches(row))
      return std::nullopt;
    return wire::to_json<wire::Operation>(**operation, request.json());
  };
  return list_page(context.database(), {.family = store::family::operations}, *page, collection,
                   item);
}

} // namespace

void list_operations(const context& context, const request& request, const resource_path& path,
                     answer reply) {
  reply(respond(page_of_operations(context, request, path)));
}

void show_operation(const context& context, const request& request, const resource_path& path,
                    answer reply) {
  auto operation = operation_at(context, path);
  if (!operation) return reply(error_response(operation.error()));
  reply(json_response(wire::to_json<wire::Operation>(**operation, request.json())));
}

void cancel_operation(const context& context, const request&, const resource_path& path,
                      answer reply) {
  // Cancelling is best effort by definition, and every operation of Troupe ends within moments.
  auto operation = operation_at(context, path);
  reply(operation ? json_response("{}") : error_response(operation.error()));
}

void delete_operation(const context& context, const request&, const resource_path& path,
                      answer reply) {
  auto operation = operation_at(context, path);
  if (!operation) return reply(error_response(operation.error()));
  reply(
      error_response({errc::unimplemented,
                      fmt::format("{} cannot be deleted: operations are kept as the record of what "
                                  "was done; nothing needs to be done instead",
                                  wire::view((*operation)->getName()))}));
}

void wait_operation(const context& context, const request& request, const resource_path& path,
                    answer reply) {
  auto time = wait_time(context, request);
  if (!time) return reply(error_response(time.error()));
  auto operation = operation_at(context, path);
  if (!operation) return reply(error_response(operation.error()));
  if ((*operation)->getDone())
    return reply(json_response(wire::to_json<wire::Operation>(**operation, request.json())));
  context.waits.add({.key = store::key_of(*parse_id(path.id)),
                     .deadline = std::chrono::steady_clock::now() + *time,
                     .json = request.json(),
                     .reply = std::move(reply)});
}

} // namespace troupe::api
