#include "tests/api/studies_fixture.hpp"

#include <future>

namespace troupe::api::test {

TEST_CASE("the operation of a delete is shown, listed, waited for and kept") {
  cluster_of_one cluster;
  auto target = jobs_path + "/" + id_in(cluster.http.post(jobs_path, good_job));
  auto deleted = cluster.http.call("DELETE", target);
  auto operation = "/v1/" + deleted.json()["name"].as<std::string>();
  CHECK(cluster.http.get(operation).body == deleted.body);
  CHECK(cluster.http.post(operation + ":wait", "{}").body == deleted.body);
  CHECK(cluster.http.post(operation + ":cancel", "{}").body == "{}");
  CHECK(status_of(cluster.http.call("DELETE", operation)) == "501 UNIMPLEMENTED");
  auto listed = cluster.http.get("/v1/projects/p/locations/l/operations?filter=done%3Dtrue");
  CHECK(listed.json()["operations"].size() == 1);
  CHECK(cluster.http.get("/v1/projects/q/locations/l/operations").json()["operations"].size() == 0);
  CHECK(status_of(cluster.http.get("/v1/projects/p/locations/l/operations/5")) == "404 NOT_FOUND");
}

TEST_CASE("the operation of a suggestion is shown and waited for under each of its names") {
  cluster_of_one cluster;
  auto study = cluster.backend.add_study("one");
  cluster.backend.set_operation(42, false);
  cluster.backend.answer_next(wire::frame<wire::Outcome>::build([](wire::Outcome::Builder outcome) {
    outcome.initOperation().setName("projects/p/locations/l/operations/42");
  }));
  auto asked = cluster.http.post(study_path(study) + "/trials:suggest",
                                 R"({"suggestionCount": 2, "clientId": "me"})");
  CHECK(asked.json()["name"].as<std::string>() == "projects/p/locations/l/operations/42");
  CHECK_FALSE(asked.json()["done"]);
  auto command = cluster.backend.commands().at(0);
  CHECK(command->getSuggestTrials().getStudy() == study);
  CHECK(command->getSuggestTrials().getSuggest().getSuggestionCount() == 2);

  auto plain = std::string("/v1/projects/p/locations/l/operations/42");
  auto below_study = study_path(study) + "/operations/42";
  auto below_trial = study_path(study) + "/trials/1/operations/42";
  for (auto name : {plain, below_study, below_trial, "/ui" + plain.substr(3)}) {
    auto shown = cluster.http.get(name);
    CHECK(shown.status == 200);
    CHECK_FALSE(shown.json()["done"]);
    CHECK_FALSE(shown.json()["response"]);
    CHECK(cluster.http.post(name + ":wait?timeout=0.05s", "").body == shown.body);
  }
  auto waiting = std::async(std::launch::async, [&] {
    client other{cluster.http.port};
    return other.post(below_study + ":wait", R"({"timeout": "20s"})");
  });
  cluster.backend.set_operation(42, true);
  auto done = waiting.get();
  CHECK(done.json()["done"].as<bool>());
  CHECK(done.json()["response"]["@type"].as<std::string>().ends_with("SuggestTrialsResponse"));
  CHECK(cluster.http.post(plain + ":wait", "{}").body == done.body);
}

TEST_CASE("an operation that is named below a study is found under that name only") {
  cluster_of_one cluster;
  cluster.backend.set_operation(42, true, "studies/3/");
  CHECK(cluster.http.get(studies_path + "/3/operations/42").status == 200);
  for (auto name : {"/studies/4/operations/42", "/operations/42", "/studies/3/operations/43"})
    CHECK(status_of(cluster.http.get(fmt::format("/v1/projects/p/locations/l{}", name)))
          == "404 NOT_FOUND");
  CHECK(status_of(cluster.http.get("/v1/projects/q/locations/l/studies/3/operations/42"))
        == "404 NOT_FOUND");
}

TEST_CASE("a wait ends at the latest with the command timeout, and when the server stops") {
  cluster_of_one cluster({.command_timeout_ms = std::chrono::milliseconds(250)});
  cluster.backend.set_operation(42, false);
  auto wait = std::string("/v1/projects/p/locations/l/operations/42:wait");
  auto reply = cluster.http.post(wait, R"({"timeout": "3600s"})");
  CHECK(reply.status == 200);
  CHECK_FALSE(reply.json()["done"]);

  cluster_of_one patient;
  patient.backend.set_operation(42, false);
  connection open(patient.http.port);
  open.send(patient.http.head_of("POST", wait, 2) + "{}");
  patient.api.reset();
  auto last = open.reply();
  CHECK((last.status == 0 || last.status == 200));
}

TEST_CASE("a wait with an invalid timeout is rejected") {
  cluster_of_one cluster;
  cluster.backend.set_operation(42, false);
  auto wait = std::string("/v1/projects/p/locations/l/operations/42:wait");
  for (auto body : {R"({"timeout": "soon"})", R"({"timeout": 5})", R"({"timeout": "-1s"})",
                    R"({"time": "1s"})", "[]"}) {
    CAPTURE(body);
    CHECK(status_of(cluster.http.post(wait, body)) == "400 INVALID_ARGUMENT");
  }
  CHECK(status_of(cluster.http.post(wait + "?timeout=x", "")) == "400 INVALID_ARGUMENT");
}

TEST_CASE("many waits do not hold up other requests") {
  cluster_of_one cluster;
  cluster.backend.set_operation(42, false);
  auto wait = std::string("/v1/projects/p/locations/l/operations/42:wait");
  std::vector<std::unique_ptr<connection>> open;
  for (int index = 0; index < 40; ++index) {
    open.push_back(std::make_unique<connection>(cluster.http.port));
    open.back()->send(cluster.http.head_of("POST", wait, 2) + "{}");
  }
  CHECK(cluster.http.get(studies_path).status == 200);
  cluster.backend.set_operation(42, true);
  for (auto& each : open)
    CHECK(each->reply().json()["done"].as<bool>());
}

} // namespace troupe::api::test
