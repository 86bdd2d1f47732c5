#include "api/http/routes.hpp"

#include "tests/api/direct_cluster.hpp"
#include "tests/api/fixture.hpp"

#include <algorithm>

namespace troupe::api::test {

namespace {

/// Whether the path and the method lead to a handler: an unknown one is answered with the list of
/// what exists.
bool exists(direct_cluster& cluster, method verb, std::string_view target) {
  auto response = cluster.call(verb, target, "{}");
  return response.status != 404 || !message_of(response).contains("is not part of this API");
}

} // namespace

TEST_CASE("each method of each resource leads to its handler") {
  direct_cluster cluster;
  using verbs = std::vector<method>;
  const std::pair<std::string, verbs> routes[] = {
      {"/customJobs", {method::get, method::post}},
      {"/customJobs/7", {method::get, method::remove}},
      {"/customJobs/7:cancel", {method::post}},
      {"/customJobs/7:status", {method::get}},
      {"/hyperparameterTuningJobs", {method::get, method::post}},
      {"/hyperparameterTuningJobs/7", {method::get, method::remove}},
      {"/hyperparameterTuningJobs/7:cancel", {method::post}},
      {"/hyperparameterTuningJobs/7:status", {method::get}},
      {"/hyperparameterTuningJobs/7:resume", {method::post}},
      {"/studies", {method::get, method::post}},
      {"/studies:lookup", {method::post}},
      {"/studies/7", {method::get, method::remove}},
      {"/studies/7/trials", {method::get, method::post}},
      {"/studies/7/trials:suggest", {method::post}},
      {"/studies/7/trials:listOptimalTrials", {method::post}},
      {"/studies/7/trials/1", {method::get, method::remove}},
      {"/studies/7/trials/1:addTrialMeasurement", {method::post}},
      {"/studies/7/trials/1:complete", {method::post}},
      {"/studies/7/trials/1:checkTrialEarlyStoppingState", {method::post}},
      {"/studies/7/trials/1:stop", {method::post}},
      {"/operations", {method::get}},
      {"/operations/7", {method::get, method::remove}},
      {"/operations/7:wait", {method::post}},
      {"/operations/7:cancel", {method::post}},
      {"/studies/7/operations/7", {method::get, method::remove}},
      {"/studies/7/trials/1/operations/7:wait", {method::post}},
      {"/nodes", {method::get}},
  };
  for (const auto& [path, allowed] : routes)
    for (auto verb : {method::get, method::post, method::put, method::patch, method::remove}) {
      CAPTURE(path);
      CAPTURE(int(verb));
      CHECK(exists(cluster, verb, location_path + path)
            == (std::ranges::find(allowed, verb) != allowed.end()));
    }
}

TEST_CASE("a resource is reached under each version of the API") {
  direct_cluster cluster;
  for (auto version : {"/v1", "/v1beta1", "/ui"})
    CHECK(cluster.get(fmt::format("{}/projects/p/locations/l/nodes", version)).status == 200);
  CHECK(cluster.get("/v2/projects/p/locations/l/nodes").status == 404);
}

TEST_CASE("a path that leads to no handler is answered with what exists") {
  direct_cluster cluster;
  for (auto path :
       {"", "/", "/models", "/customJobs/7/", "/customJobs/7/8", "/customJobs/7:explode",
        "/customJobs:cancel", "/trials", "/studies/7/8", "/customJobs/7/trials", "/nodes/n1"}) {
    CAPTURE(path);
    CHECK_FALSE(exists(cluster, method::get, location_path + path));
  }
  auto response = cluster.get("/v1/nowhere");
  CHECK(message_of(response).starts_with("/v1/nowhere "));
  CHECK(
      message_of(response).contains("POST and GET {customJobs,hyperparameterTuningJobs,studies}"));
}

TEST_CASE("a project or location is rejected unless it is a plain name") {
  direct_cluster cluster;
  for (auto name : {"..", ".", "a%20b", "a%2Fb", "", "a*b"}) {
    CAPTURE(name);
    CHECK(cluster.get(fmt::format("/v1/projects/{}/locations/l/nodes", name)).status == 400);
    CHECK(cluster.get(fmt::format("/v1/projects/p/locations/{}/nodes", name)).status == 400);
  }
  auto longest = std::string(63, 'a');
  CHECK(cluster.get("/v1/projects/" + longest + "/locations/l/nodes").status == 200);
  CHECK(cluster.get("/v1/projects/" + longest + "a/locations/l/nodes").status == 400);
  CHECK(cluster.get("/v1/projects/a-b_c.d:e/locations/-/nodes").status == 200);
}

TEST_CASE("ids reach the handler, the outer ones first") {
  direct_cluster cluster;
  auto study = cluster.backend.add_study("s");
  cluster.backend.set_trial(study, 5, [](wire::Trial::Builder) {});
  auto trial = cluster.get(fmt::format("{}/studies/{}/trials/5", location_path, study));
  CHECK(json_of(trial)["id"].as<std::string>() == "5");
  auto missing = cluster.get(fmt::format("{}/studies/{}/trials/{}", location_path, 5, study));
  CHECK(missing.status == 404);
}

TEST_CASE("only the listing of log entries waits for nodes") {
  auto waits = [](method verb, std::string_view target) {
    return waits_for_nodes(*parse_target(verb, target));
  };
  CHECK(waits(method::post, "/v2/entries:list"));
  CHECK_FALSE(waits(method::get, "/v2/entries:list"));
  CHECK_FALSE(waits(method::get, "/metrics"));
  CHECK_FALSE(waits(method::get, "/v1/projects/p/locations/l/nodes"));
}

TEST_CASE("a path or method that does not exist is answered with what exists") {
  cluster_of_one cluster;
  for (auto target :
       {"/", "/v1", "/v1/", "/v3/projects/p/locations/l/customJobs",
        "/v1//projects/p/locations/l/customJobs", "/v1/projects/p/locations/l/customJobs/",
        "/v1/projects/p/locations/l/customJobs/1/2", "/v1/projects/p/locations/l/models",
        "/v1/projects/p/locations/l/customJobs/1:explode",
        "/v1/projects/p/locations/l/customJobs:x", "/v1/../v1/projects/p/locations/l/customJobs",
        "/v1/projects/p/locations%2Fl/customJobs", "/v2/entries:list", "/healthz/x", "*",
        "/metrics:x"}) {
    CAPTURE(target);
    auto reply = cluster.http.get(target);
    CHECK(status_of(reply) == "404 NOT_FOUND");
    CHECK(message_of(reply).contains("customJobs"));
  }
  for (auto method : {"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}) {
    CAPTURE(method);
    CHECK(status_of(cluster.http.call(method, jobs_path)) == "404 NOT_FOUND");
  }
  for (auto target :
       {"/v1/projects/../locations/l/customJobs", "/v1/projects/a%20b/locations/l/nodes",
        "/v1/projects//locations/l/customJobs", "/v1/projects/p/locations/a%2Fb/nodes", "/v1/x%"}) {
    CAPTURE(target);
    CHECK(status_of(cluster.http.get(target)) == "400 INVALID_ARGUMENT");
  }
}

} // namespace troupe::api::test
