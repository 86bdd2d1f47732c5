#include "tests/api/studies_fixture.hpp"

namespace troupe::api::test {

TEST_CASE("a study is created by the controller, and shown as the controller returns it") {
  cluster_of_one cluster;
  cluster.backend.answer_next(wire::frame<wire::Outcome>::build([](wire::Outcome::Builder outcome) {
    auto study = outcome.initStudy();
    study.setName("projects/p/locations/l/studies/7");
    study.setDisplayName("curve");
    study.setState(wire::Study::State::ACTIVE);
  }));
  auto made = cluster.http.post(studies_path, R"({"displayName": "curve", "studySpec": {
    "metrics": [{"metricId": "loss", "goal": "MINIMIZE"}],
    "parameters": [{"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}]}})");
  CHECK(made.status == 200);
  CHECK(made.json()["name"].as<std::string>() == "projects/p/locations/l/studies/7");
  CHECK(made.json()["state"].as<std::string>() == "ACTIVE");
  auto command = cluster.backend.commands().at(0);
  REQUIRE(command->isCreateStudy());
  CHECK(wire::view(command->getProject()) == "p");
  CHECK(wire::view(command->getCreateStudy().getDisplayName()) == "curve");
  CHECK(command->getCreateStudy().getStudySpec().getMetrics().size() == 1);
}

TEST_CASE("studies are shown, listed newest first, found by name and deleted") {
  cluster_of_one cluster;
  auto first = cluster.backend.add_study("one");
  auto second = cluster.backend.add_study("two");
  auto third = cluster.backend.add_study("one");
  cluster.backend.add_study("two", {}, "q");
  CHECK(cluster.http.get(study_path(first)).json()["displayName"].as<std::string>() == "one");
  CHECK(of_each(cluster.http.get(studies_path), "studies", "displayName")
        == texts{"one", "two", "one"});
  CHECK(cluster.http.get("/v1/projects/-/locations/-/studies").json()["studies"].size() == 4);

  auto page = cluster.http.get(studies_path + "?pageSize=2");
  CHECK(of_each(page, "studies", "displayName") == texts{"one", "two"});
  auto token = page.json()["nextPageToken"].as<std::string>();
  auto rest = cluster.http.get(studies_path + "?pageSize=2&pageToken=" + token);
  CHECK(of_each(rest, "studies", "name")
        == texts{fmt::format("projects/p/locations/l/studies/{}", first)});
  CHECK(status_of(cluster.http.get(study_path(first) + "/trials?pageToken=" + token))
        == "400 INVALID_ARGUMENT");

  auto look = [&](std::string_view body) {
    return cluster.http.post(studies_path + ":lookup", body);
  };
  CHECK(look(R"({"displayName": "two"})").json()["name"].as<std::string>()
        == fmt::format("projects/p/locations/l/studies/{}", second));
  CHECK(look(R"({"displayName": "one"})").json()["name"].as<std::string>()
        == fmt::format("projects/p/locations/l/studies/{}", third));
  auto missing = look(R"({"displayName": "three"})");
  CHECK(status_of(missing) == "404 NOT_FOUND");
  CHECK(message_of(missing).contains("'three'"));
  CHECK(status_of(look("{}")) == "400 INVALID_ARGUMENT");
  CHECK(status_of(look(R"({"name": "one"})")) == "400 INVALID_ARGUMENT");

  cluster.backend.answer_next(wire::frame<wire::Outcome>::build(
      [](wire::Outcome::Builder outcome) { outcome.setEmpty(); }));
  CHECK(cluster.http.call("DELETE", study_path(first)).body == "{}");
  CHECK(cluster.backend.commands().at(0)->getDeleteStudy() == first);
  CHECK(status_of(cluster.http.post("/v1/projects/-/locations/l/studies", "{}"))
        == "400 INVALID_ARGUMENT");
}

TEST_CASE("a study or trial that does not exist is named in full by every method") {
  cluster_of_one cluster;
  auto study = cluster.backend.add_study("one");
  auto elsewhere = cluster.backend.add_study("one", {}, "q");
  for (auto path : {study_path(77), study_path(elsewhere), studies_path + "/x"}) {
    CAPTURE(path);
    auto name = path.substr(4);
    for (auto [verb, suffix] :
         {std::pair("GET", ""), std::pair("DELETE", ""), std::pair("GET", "/trials"),
          std::pair("POST", "/trials"), std::pair("POST", "/trials:suggest"),
          std::pair("POST", "/trials:listOptimalTrials"), std::pair("GET", "/trials/1"),
          std::pair("POST", "/trials/1:stop")}) {
      CAPTURE(suffix);
      auto reply =
          cluster.http.call(verb, path + suffix, std::string_view(verb) == "POST" ? "{}" : "");
      CHECK(status_of(reply) == "404 NOT_FOUND");
      CHECK(message_of(reply).contains(name + " does not exist"));
    }
  }
  for (auto id : {"1", "0", "x", "4294967297"}) {
    auto trial = fmt::format("{}/trials/{}", study_path(study), id);
    for (auto reply : {cluster.http.get(trial), cluster.http.call("DELETE", trial),
                       cluster.http.post(trial + ":complete", "{}"),
                       cluster.http.post(trial + ":addTrialMeasurement", R"({"measurement": {}})"),
                       cluster.http.post(trial + ":checkTrialEarlyStoppingState", "{}")}) {
      CHECK(status_of(reply) == "404 NOT_FOUND");
      CHECK(message_of(reply).contains(trial.substr(4) + " does not exist"));
    }
  }
  CHECK(status_of(cluster.http.get(study_path(study) + "/trials/1/steps")) == "404 NOT_FOUND");
  CHECK(status_of(cluster.http.post(study_path(study) + "/trials/1:explode", "{}"))
        == "404 NOT_FOUND");
  CHECK(cluster.backend.commands().empty());
}

} // namespace troupe::api::test
