#include "api/backend/lookup.hpp"
#include "api/backend/operation_waits.hpp"
#include "api/query/filter.hpp"
#include "api/query/paging.hpp"
#include "api/resources/command.hpp"
#include "wire/json_scalars.hpp"
#include "wire/json_tree.hpp"

#include <algorithm>

namespace troupe::api {

namespace {

constexpr auto collection = "operations";

/// The name that the path spells, which may have the study and the trial in it.
std::string name_of(const place& at) {
  std::string name = at.parent.name();
  constexpr std::string_view above[] = {"studies", "trials"};
  for (size_t depth = 0; depth < at.above.size(); ++depth)
    name += fmt::format("/{}/{}", above[depth], at.above[depth]);
  return fmt::format("{}/operations/{}", name, at.id);
}

/// An operation is known by its id; the names of what is above it may be there or not.
result<wire::frame<wire::Operation>> operation_at(const context& all, const place& at) {
  auto missing = std::unexpected(no_such_resource(all, name_of(at)));
  auto id = id_of(at.id);
  if (!id) return missing;
  auto found =
      stored<wire::Operation>(all.database(), store::family::operations, store::key_of(*id));
  if (!found) return std::unexpected(found.error());
  if (!*found) return missing;
  auto name = wire::view((**found)->getName());
  bool same = name == name_of(at) || name == resource_name(at.parent, collection, at.id);
  return same ? result<wire::frame<wire::Operation>>(std::move(**found)) : missing;
}

/// What the client asks for, as long as an answer still reaches it in time.
result<std::chrono::milliseconds> wait_time(const context& all, const request& from) {
  auto longest = all.settings.command_timeout_ms * 4 / 5;
  std::string text(from.parameter("timeout"));
  auto body = wire::parse_json(body_or_empty(from), "request body");
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
                "timeout: '{}' is no duration; expected seconds, as \"10s\"", text.substr(0, 40));
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

result<std::string> page_of_operations(const context& all, const request& from, const place& at) {
  auto text = from.parameter("filter");
  auto wanted = filter::parse(text, type_of, "name, done");
  if (!wanted) return std::unexpected(wanted.error());
  auto page = parse_page(from, fmt::format("{}/operations?{}", at.parent.name(), text));
  if (!page) return std::unexpected(page.error());
  auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
    auto operation = wire::frame<wire::Operation>::parse(value);
    if (!operation) return std::unexpected(operation.error());
    auto row = [&](const field_path& path) { return values_of(**operation, path); };
    if (!at.parent.holds(wire::view((*operation)->getName())) || !wanted->matches(row))
      return std::nullopt;
    return wire::to_json<wire::Operation>(**operation, from.json());
  };
  return page_of(all, {.where = store::family::operations}, *page, collection, item);
}

} // namespace

void list_operations(const context& all, const request& from, const place& at, answer done) {
  done(respond(page_of_operations(all, from, at)));
}

void show_operation(const context& all, const request& from, const place& at, answer done) {
  auto operation = operation_at(all, at);
  if (!operation) return done(error_response(operation.error()));
  done(json_response(wire::to_json<wire::Operation>(**operation, from.json())));
}

void cancel_operation(const context& all, const request&, const place& at, answer done) {
  // Best effort by its definition. What an operation of ours waits for is over in moments.
  auto operation = operation_at(all, at);
  done(operation ? json_response("{}") : error_response(operation.error()));
}

void delete_operation(const context& all, const request&, const place& at, answer done) {
  auto operation = operation_at(all, at);
  if (!operation) return done(error_response(operation.error()));
  done(
      error_response({errc::unimplemented,
                      fmt::format("{} cannot be deleted: operations are kept as the record of what "
                                  "was done; nothing needs to be done instead",
                                  wire::view((*operation)->getName()))}));
}

void wait_operation(const context& all, const request& from, const place& at, answer done) {
  auto time = wait_time(all, from);
  if (!time) return done(error_response(time.error()));
  auto operation = operation_at(all, at);
  if (!operation) return done(error_response(operation.error()));
  if ((*operation)->getDone())
    return done(json_response(wire::to_json<wire::Operation>(**operation, from.json())));
  all.waits.add({.key = store::key_of(*id_of(at.id)),
                 .deadline = std::chrono::steady_clock::now() + *time,
                 .json = from.json(),
                 .done = std::move(done)});
}

} // namespace troupe::api
