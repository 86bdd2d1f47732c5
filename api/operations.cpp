#include "api/filter.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/paging.hpp"

namespace troupe::api {

namespace {

constexpr auto collection = "operations";

result<wire::frame<wire::Operation>> operation_at(const context& all, const place& at) {
  return named<wire::Operation>(all, store::family::operations, collection, at);
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
  return page_of(all, store::family::operations, *page, collection, item);
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
  // Best effort by its definition, and an operation of ours has always ended already.
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

} // namespace troupe::api
