#include "api/backend/listing.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

namespace troupe::api::test {

namespace {

using texts = std::vector<std::string>;

/// Jobs 1 to `count`; each one's value is its number.
std::unique_ptr<store::database> numbered_jobs(uint64_t count) {
  auto database = store::in_memory();
  store::batch changes;
  for (uint64_t id = 1; id <= count; ++id)
    changes.put(store::family::custom_jobs, store::key_of(id), std::to_string(id));
  REQUIRE(database->commit(changes));
  return database;
}

result<std::optional<std::string>> every_row(std::string_view value) { return std::string(value); }

constexpr auto newest_jobs = [] { return row_range{.family = store::family::custom_jobs}; };

YAML::Node listed(const store::database& database, const row_range& rows, const page_request& page,
                  const row_to_json& to_json = every_row) {
  auto json = list_page(database, rows, page, "items", to_json);
  REQUIRE_MESSAGE(json.has_value(), (json ? "" : json.error().message));
  return YAML::Load(*json);
}

/// The page that a token leads to.
page_request page_after(const YAML::Node& page, size_t size) {
  request next{.query = {{"pageSize", std::to_string(size)},
                         {"pageToken", page["nextPageToken"].as<std::string>()}}};
  auto parsed = parse_page(next, "list");
  REQUIRE(parsed);
  return *parsed;
}

page_request first_page(size_t size) {
  return {.size = size, .fingerprint = parse_page({}, "list")->fingerprint};
}

} // namespace

TEST_CASE("a list shows the newest rows first, and a token when there are more") {
  auto database = numbered_jobs(5);
  auto page = listed(*database, newest_jobs(), first_page(2));
  CHECK(page["items"].as<texts>() == texts{"5", "4"});
  REQUIRE(page["nextPageToken"]);
  page = listed(*database, newest_jobs(), page_after(page, 2));
  CHECK(page["items"].as<texts>() == texts{"3", "2"});
  page = listed(*database, newest_jobs(), page_after(page, 2));
  CHECK(page["items"].as<texts>() == texts{"1"});
  CHECK_FALSE(page["nextPageToken"]);
}

TEST_CASE("a full last page has no token") {
  auto database = numbered_jobs(4);
  CHECK_FALSE(listed(*database, newest_jobs(), first_page(4))["nextPageToken"]);
}

TEST_CASE("an empty list is an empty array") {
  auto database = store::in_memory();
  CHECK(list_page(*database, newest_jobs(), first_page(2), "items", every_row)
        == R"({"items":[]})");
}

TEST_CASE("a list ends where the keys leave its prefix") {
  auto database = store::in_memory();
  store::batch changes;
  for (uint64_t study : {6, 7, 8})
    for (uint32_t number : {2, 10})
      changes.put(store::family::trials, fmt::format("{}/{:010}", store::key_of(study), number),
                  fmt::format("\"{}-{}\"", study, number));
  REQUIRE(database->commit(changes));
  auto page = listed(*database, trial_rows(7), first_page(100));
  CHECK(page["items"].as<texts>() == texts{"7-2", "7-10"});
  CHECK_FALSE(page["nextPageToken"]);
  page = listed(*database, trial_rows(7), first_page(1));
  CHECK(page["items"].as<texts>() == texts{"7-2"});
  CHECK(listed(*database, trial_rows(7), page_after(page, 1))["items"].as<texts>()
        == texts{"7-10"});
}

TEST_CASE("rows that the list leaves out do not count for the page's size") {
  auto database = numbered_jobs(9);
  auto odd = [](std::string_view value) -> result<std::optional<std::string>> {
    if ((value.back() - '0') % 2 == 0) return std::nullopt;
    return std::string(value);
  };
  auto page = listed(*database, newest_jobs(), first_page(3), odd);
  CHECK(page["items"].as<texts>() == texts{"9", "7", "5"});
  CHECK(listed(*database, newest_jobs(), page_after(page, 3), odd)["items"].as<texts>()
        == texts{"3", "1"});
}

TEST_CASE("a page ends early, with a token, after 5000 rows without a match") {
  auto database = numbered_jobs(5001);
  auto oldest = [](std::string_view value) -> result<std::optional<std::string>> {
    if (value != "1") return std::nullopt;
    return std::string(value);
  };
  auto page = listed(*database, newest_jobs(), first_page(100), oldest);
  CHECK(page["items"].size() == 0);
  REQUIRE(page["nextPageToken"]);
  page = listed(*database, newest_jobs(), page_after(page, 100), oldest);
  CHECK(page["items"].as<texts>() == texts{"1"});
}

TEST_CASE("a page ends early, with a token, when it has become large") {
  auto database = numbered_jobs(5);
  auto huge = [](std::string_view) -> result<std::optional<std::string>> {
    return "\"" + std::string(5 << 20, 'x') + "\"";
  };
  auto page = listed(*database, newest_jobs(), first_page(100), huge);
  CHECK(page["items"].size() == 2);
  CHECK(page["nextPageToken"]);
}

TEST_CASE("a damaged row ends the list with an error that names it") {
  auto database = numbered_jobs(3);
  auto broken = [](std::string_view value) -> result<std::optional<std::string>> {
    if (value == "2") return fail(errc::data_loss, "not a job");
    return std::string(value);
  };
  auto json = list_page(*database, newest_jobs(), first_page(100), "items", broken);
  REQUIRE_FALSE(json);
  CHECK(json.error().code == errc::data_loss);
  CHECK(json.error().message.contains(store::key_of(2)));
  CHECK(json.error().message.contains("not a job"));
}

} // namespace troupe::api::test
