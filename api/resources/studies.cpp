// Studies: Vizier's collection of what is tuned by a client.
#include "api/backend/lookup.hpp"
#include "api/query/paging.hpp"
#include "api/resources/command.hpp"
#include "api/resources/outcome.hpp"

namespace troupe::api {

namespace {

constexpr auto collection = "studies";

result<std::string> page_of_studies(const context& all, const request& from, const place& at) {
  auto page = parse_page(from, fmt::format("{}/studies", at.parent.name()));
  if (!page) return std::unexpected(page.error());
  auto item = [&](std::string_view value) -> result<std::optional<std::string>> {
    auto study = wire::frame<wire::Study>::parse(value);
    if (!study) return std::unexpected(study.error());
    if (!at.parent.holds(wire::view((*study)->getName()))) return std::nullopt;
    return wire::to_json<wire::Study>(**study, from.json());
  };
  return page_of(all, {.where = store::family::studies}, *page, collection, item);
}

/// A name is unique in its location; of several locations ('-') the newest study is meant.
result<wire::frame<wire::Study>> study_called(const context& all, const scope& parent,
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
  auto scanned = all.database().scan(store::family::studies, "", true, visit);
  if (!scanned) return std::unexpected(scanned.error());
  if (!outcome) return std::unexpected(outcome.error());
  if (!found)
    return fail(errc::not_found,
                "{} has no study with the displayName '{}'; list the studies to see which exist",
                parent.name(), display_name.substr(0, 128));
  return std::move(*found);
}

} // namespace

void create_study(const context& all, const request& from, const place& at, answer done) {
  if (auto one = check_one_place(at.parent, "a study"); !one)
    return done(error_response(one.error()));
  auto study = wire::from_json<wire::Study>(from.body, "request body");
  if (!study) return done(error_response(study.error()));
  all.cluster.execute(
      command_for(at.parent, [&](auto command) { command.setCreateStudy(**study); }),
      outcome_answer(from.json(), std::move(done)));
}

void list_studies(const context& all, const request& from, const place& at, answer done) {
  done(respond(page_of_studies(all, from, at)));
}

void show_study(const context& all, const request& from, const place& at, answer done) {
  auto study = named<wire::Study>(all, store::family::studies, collection, at);
  if (!study) return done(error_response(study.error()));
  done(json_response(wire::to_json<wire::Study>(**study, from.json())));
}

void delete_study(const context& all, const request& from, const place& at, answer done) {
  auto study = named<wire::Study>(all, store::family::studies, collection, at);
  if (!study) return done(error_response(study.error()));
  auto id = *id_of(at.id);
  all.cluster.execute(command_for(at.parent, [&](auto command) { command.setDeleteStudy(id); }),
                      outcome_answer(from.json(), std::move(done)));
}

void lookup_study(const context& all, const request& from, const place& at, answer done) {
  auto asked = wire::from_json<wire::LookupStudyRequest>(from.body, "request body");
  if (!asked) return done(error_response(asked.error()));
  auto name = wire::view((*asked)->getDisplayName());
  if (name.empty())
    return done(error_response(
        {errc::invalid_argument, "displayName: it is empty; expected the displayName of a study"}));
  auto study = study_called(all, at.parent, name);
  if (!study) return done(error_response(study.error()));
  done(json_response(wire::to_json<wire::Study>(**study, from.json())));
}

} // namespace troupe::api
