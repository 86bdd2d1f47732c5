// Client studies: Vizier's studies, whose trials a client evaluates.
#include "api/backend/listing.hpp"
#include "api/backend/lookup.hpp"
#include "api/resources/command.hpp"
#include "api/resources/handlers.hpp"
#include "api/resources/outcome.hpp"
#include "base/names.hpp"

namespace troupe::api {

namespace {

constexpr auto collection = "studies";

result<std::string> page_of_studies(const context& context, const request& request,
                                    const resource_path& path) {
  auto page = parse_page(request, fmt::format("{}/studies", path.parent.name()));
  if (!page) return std::unexpected(page.error());
  auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
    auto study = wire::frame<wire::Study>::parse(value);
    if (!study) return std::unexpected(study.error());
    if (!path.parent.holds(wire::view((*study)->getName()))) return std::nullopt;
    return wire::to_json<wire::Study>(**study, request.json());
  };
  return list_page(context.database(), {.family = store::family::studies}, *page, collection, item);
}

/// The study with this display name. It is unique in a location; if several locations match ('-'),
/// this is the newest study.
result<wire::frame<wire::Study>> study_called(const context& context,
                                              const project_location& parent,
                                              std::string_view display_name) {
  std::optional<wire::frame<wire::Study>> found;
  result<> outcome;
  auto visit = [&](std::string_view key, std::string_view value) {
    auto study = wire::frame<wire::Study>::parse(value);
    if (!study)
      outcome = fail(errc::data_loss, "stored study {}: {}", key, study.error().message);
    else if (wire::view((*study)->getDisplayName()) == display_name
             && parent.holds(wire::view((*study)->getName())))
      found = std::move(*study);
    return outcome.has_value() && !found;
  };
  auto scanned = context.database().scan(store::family::studies, "", true, visit);
  if (!scanned) return std::unexpected(scanned.error());
  if (!outcome) return std::unexpected(outcome.error());
  if (!found)
    return fail(errc::not_found,
                "{} has no study with the displayName '{}'; list the studies to see which exist",
                parent.name(), display_name.substr(0, 128));
  return std::move(*found);
}

} // namespace

void create_study(const context& context, const request& request, const resource_path& path,
                  answer reply) {
  if (auto one = check_one_location(path.parent, "a study"); !one)
    return reply(error_response(one.error()));
  auto study = wire::from_json<wire::Study>(request.body, "request body");
  if (!study) return reply(error_response(study.error()));
  context.cluster.execute(
      command_for(path.parent, [&](auto command) { command.setCreateStudy(**study); }),
      outcome_answer(request.json(), std::move(reply)));
}

void list_studies(const context& context, const request& request, const resource_path& path,
                  answer reply) {
  reply(respond(page_of_studies(context, request, path)));
}

void show_study(const context& context, const request& request, const resource_path& path,
                answer reply) {
  auto study = resource_at<wire::Study>(context, store::family::studies, collection, path);
  if (!study) return reply(error_response(study.error()));
  reply(json_response(wire::to_json<wire::Study>(**study, request.json())));
}

void delete_study(const context& context, const request& request, const resource_path& path,
                  answer reply) {
  auto study = resource_at<wire::Study>(context, store::family::studies, collection, path);
  if (!study) return reply(error_response(study.error()));
  auto id = *parse_id(path.id);
  context.cluster.execute(
      command_for(path.parent, [&](auto command) { command.setDeleteStudy(id); }),
      outcome_answer(request.json(), std::move(reply)));
}

void lookup_study(const context& context, const request& request, const resource_path& path,
                  answer reply) {
  auto asked = wire::from_json<wire::LookupStudyRequest>(request.body, "request body");
  if (!asked) return reply(error_response(asked.error()));
  auto name = wire::view((*asked)->getDisplayName());
  if (name.empty())
    return reply(error_response(
        {errc::invalid_argument, "displayName: it is empty; expected the displayName of a study"}));
  auto study = study_called(context, path.parent, name);
  if (!study) return reply(error_response(study.error()));
  reply(json_response(wire::to_json<wire::Study>(**study, request.json())));
}

} // namespace troupe::api
