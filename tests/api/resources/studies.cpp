#include "tests/api/fixture.hpp"

#include <future>
#include <thread>

namespace troupe::api::test {

namespace {

using texts = std::vector<std::string>;

const std::string studies_path = "/v1/projects/p/locations/l/studies";

std::string study_path(uint64_t id) { return fmt::format("{}/{}", studies_path, id); }

texts of_each(const http_reply& reply, const char* collection, const char* field) {
  texts all;
  for (auto each : reply.json()[collection])
    all.push_back(each[field].as<std::string>());
  return all;
}

wire::frame<wire::Outcome> trial_outcome(const std::string& id) {
  return wire::frame<wire::Outcome>::build(
      [&](wire::Outcome::Builder outcome) { outcome.initTrial().setId(id); });
}

/// Two metrics to maximise.
void two_objectives(wire::Study::Builder study) {
  auto metrics = study.initStudySpec().initMetrics(2);
  metrics[0].setMetricId("a");
  metrics[1].setMetricId("b");
}

void succeeded(wire::Trial::Builder trial, double a, double b) {
  trial.setState(wire::Trial::State::SUCCEEDED);
  auto metrics = trial.initFinalMeasurement().initMetrics(2);
  metrics[0].setMetricId("a");
  metrics[0].setValue(a);
  metrics[1].setMetricId("b");
  metrics[1].setValue(b);
}

} // namespace

TEST_CASE("a study goes to the controller and comes back as it says") {
  cluster_of_one all;
  all.backend.answer_next(wire::frame<wire::Outcome>::build([](wire::Outcome::Builder outcome) {
    auto study = outcome.initStudy();
    study.setName("projects/p/locations/l/studies/7");
    study.setDisplayName("curve");
    study.setState(wire::Study::State::ACTIVE);
  }));
  auto made = all.http.post(studies_path, R"({"displayName": "curve", "studySpec": {
    "metrics": [{"metricId": "loss", "goal": "MINIMIZE"}],
    "parameters": [{"parameterId": "x", "doubleValueSpec": {"minValue": 0, "maxValue": 1}}]}})");
  CHECK(made.status == 200);
  CHECK(made.json()["name"].as<std::string>() == "projects/p/locations/l/studies/7");
  CHECK(made.json()["state"].as<std::string>() == "ACTIVE");
  auto command = all.backend.commands().at(0);
  REQUIRE(command->isCreateStudy());
  CHECK(wire::view(command->getProject()) == "p");
  CHECK(wire::view(command->getCreateStudy().getDisplayName()) == "curve");
  CHECK(command->getCreateStudy().getStudySpec().getMetrics().size() == 1);
}

TEST_CASE("studies are shown, listed newest first, found by name and deleted") {
  cluster_of_one all;
  auto first = all.backend.add_study("one");
  auto second = all.backend.add_study("two");
  auto third = all.backend.add_study("one");
  all.backend.add_study("two", {}, "q");
  CHECK(all.http.get(study_path(first)).json()["displayName"].as<std::string>() == "one");
  CHECK(of_each(all.http.get(studies_path), "studies", "displayName")
        == texts{"one", "two", "one"});
  CHECK(all.http.get("/v1/projects/-/locations/-/studies").json()["studies"].size() == 4);

  auto page = all.http.get(studies_path + "?pageSize=2");
  CHECK(of_each(page, "studies", "displayName") == texts{"one", "two"});
  auto token = page.json()["nextPageToken"].as<std::string>();
  auto rest = all.http.get(studies_path + "?pageSize=2&pageToken=" + token);
  CHECK(of_each(rest, "studies", "name")
        == texts{fmt::format("projects/p/locations/l/studies/{}", first)});
  CHECK(status_of(all.http.get(study_path(first) + "/trials?pageToken=" + token))
        == "400 INVALID_ARGUMENT");

  auto look = [&](std::string_view body) { return all.http.post(studies_path + ":lookup", body); };
  CHECK(look(R"({"displayName": "two"})").json()["name"].as<std::string>()
        == fmt::format("projects/p/locations/l/studies/{}", second));
  CHECK(look(R"({"displayName": "one"})").json()["name"].as<std::string>()
        == fmt::format("projects/p/locations/l/studies/{}", third));
  auto missing = look(R"({"displayName": "three"})");
  CHECK(status_of(missing) == "404 NOT_FOUND");
  CHECK(message_of(missing).contains("'three'"));
  CHECK(status_of(look("{}")) == "400 INVALID_ARGUMENT");
  CHECK(status_of(look(R"({"name": "one"})")) == "400 INVALID_ARGUMENT");

  all.backend.answer_next(wire::frame<wire::Outcome>::build(
      [](wire::Outcome::Builder outcome) { outcome.setEmpty(); }));
  CHECK(all.http.call("DELETE", study_path(first)).body == "{}");
  CHECK(all.backend.commands().at(0)->getDeleteStudy() == first);
  CHECK(status_of(all.http.post("/v1/projects/-/locations/l/studies", "{}"))
        == "400 INVALID_ARGUMENT");
}

TEST_CASE("what is not there is named in full, whatever is asked of it") {
  cluster_of_one all;
  auto study = all.backend.add_study("one");
  auto elsewhere = all.backend.add_study("one", {}, "q");
  for (auto path : {study_path(77), study_path(elsewhere), studies_path + "/x"}) {
    CAPTURE(path);
    auto name = path.substr(4);
    for (auto [verb, suffix] :
         {std::pair("GET", ""), std::pair("DELETE", ""), std::pair("GET", "/trials"),
          std::pair("POST", "/trials"), std::pair("POST", "/trials:suggest"),
          std::pair("POST", "/trials:listOptimalTrials"), std::pair("GET", "/trials/1"),
          std::pair("POST", "/trials/1:stop")}) {
      CAPTURE(suffix);
      auto reply = all.http.call(verb, path + suffix, std::string_view(verb) == "POST" ? "{}" : "");
      CHECK(status_of(reply) == "404 NOT_FOUND");
      CHECK(message_of(reply).contains(name + " does not exist"));
    }
  }
  for (auto id : {"1", "0", "x", "4294967297"}) {
    auto trial = fmt::format("{}/trials/{}", study_path(study), id);
    for (auto reply : {all.http.get(trial), all.http.call("DELETE", trial),
                       all.http.post(trial + ":complete", "{}"),
                       all.http.post(trial + ":addTrialMeasurement", R"({"measurement": {}})"),
                       all.http.post(trial + ":checkTrialEarlyStoppingState", "{}")}) {
      CHECK(status_of(reply) == "404 NOT_FOUND");
      CHECK(message_of(reply).contains(trial.substr(4) + " does not exist"));
    }
  }
  CHECK(status_of(all.http.get(study_path(study) + "/trials/1/steps")) == "404 NOT_FOUND");
  CHECK(status_of(all.http.post(study_path(study) + "/trials/1:explode", "{}")) == "404 NOT_FOUND");
  CHECK(all.backend.commands().empty());
}

TEST_CASE("trials are listed by number, page by page, and shown") {
  cluster_of_one all;
  auto study = all.backend.add_study("one");
  auto other = all.backend.add_study("two");
  for (uint32_t number : {3, 12, 1, 2})
    all.backend.set_trial(study, number, [](wire::Trial::Builder trial) {
      trial.setState(wire::Trial::State::ACTIVE);
      trial.setClientId("me");
    });
  all.backend.set_trial(other, 4, [](wire::Trial::Builder) {});
  auto trials = study_path(study) + "/trials";
  CHECK(of_each(all.http.get(trials), "trials", "id") == texts{"1", "2", "3", "12"});
  auto page = all.http.get(trials + "?pageSize=3");
  CHECK(of_each(page, "trials", "id") == texts{"1", "2", "3"});
  auto token = page.json()["nextPageToken"].as<std::string>();
  all.backend.set_trial(study, 13, [](wire::Trial::Builder) {});
  auto rest = all.http.get(trials + "?pageSize=3&pageToken=" + token);
  CHECK(of_each(rest, "trials", "id") == texts{"12", "13"});
  CHECK_FALSE(rest.json()["nextPageToken"]);
  CHECK(status_of(all.http.get(study_path(other) + "/trials?pageToken=" + token))
        == "400 INVALID_ARGUMENT");
  auto shown = all.http.get(trials + "/12").json();
  CHECK(shown["state"].as<std::string>() == "ACTIVE");
  CHECK(shown["clientId"].as<std::string>() == "me");
}

TEST_CASE("every method of a trial becomes its command") {
  cluster_of_one all;
  auto study = all.backend.add_study("one");
  all.backend.set_trial(study, 5, [](wire::Trial::Builder) {});
  auto trials = study_path(study) + "/trials";
  auto sent = [&](std::string_view target, std::string_view body) {
    all.backend.answer_next(trial_outcome("5"));
    auto reply = all.http.post(target, body);
    CAPTURE(reply.body);
    CHECK(reply.status == 200);
    CHECK(reply.json()["id"].as<std::string>() == "5");
    return all.backend.commands().back();
  };
  auto made = sent(trials, R"({"parameters": [{"parameterId": "x", "value": 0.5}]})");
  CHECK(made->getCreateTrial().getStudy() == study);
  CHECK(made->getCreateTrial().getTrial().getParameters()[0].getValue().getNumber() == 0.5);
  auto measured =
      sent(trials + "/5:addTrialMeasurement",
           R"({"measurement": {"stepCount": "3", "metrics": [{"metricId": "a", "value": 2}]}})");
  CHECK(measured->getAddMeasurement().getNumber() == 5);
  CHECK(measured->getAddMeasurement().getMeasurement().getStepCount() == 3);
  auto completed =
      sent(trials + "/5:complete", R"({"trialInfeasible": true, "infeasibleReason": "nan"})");
  CHECK(completed->getCompleteTrial().getCompletion().getTrialInfeasible());
  CHECK(sent(trials + "/5:complete", "")->getCompleteTrial().isCompletion());
  CHECK(sent(trials + "/5:stop", "{}")->getStopTrial().getNumber() == 5);

  all.backend.answer_next(wire::frame<wire::Outcome>::build(
      [](wire::Outcome::Builder outcome) { outcome.setEmpty(); }));
  CHECK(all.http.call("DELETE", trials + "/5").body == "{}");
  CHECK(all.backend.commands().back()->getDeleteTrial().getNumber() == 5);
}

TEST_CASE("bodies that cannot be are refused before the controller sees them") {
  cluster_of_one all;
  auto study = all.backend.add_study("one");
  all.backend.set_trial(study, 5, [](wire::Trial::Builder) {});
  auto trials = study_path(study) + "/trials";
  auto refused = [&](std::string_view suffix, std::string_view body, std::string_view part) {
    auto reply = all.http.post(fmt::format("{}{}", trials, suffix), body);
    CAPTURE(suffix);
    CHECK(status_of(reply) == "400 INVALID_ARGUMENT");
    CHECK_MESSAGE(message_of(reply).contains(part), message_of(reply));
  };
  refused(":suggest", R"({"sugestionCount": 1})", "did you mean suggestionCount");
  refused(":suggest", R"({"suggestionCount": "many"})", "suggestionCount");
  refused(":suggest", "", "request body:1:1");
  refused("", R"({"parameter": []})", "parameters");
  refused("/5:addTrialMeasurement", "{}", "measurement: it is missing");
  refused("/5:addTrialMeasurement", R"({"measurement": {"steps": 1}})", "measurement.steps");
  refused("/5:complete", R"({"finalMeasurement": 3})", "finalMeasurement");
  refused("/5:stop", R"({"why": "so"})", "why: unknown field");
  refused("/5:checkTrialEarlyStoppingState", "[]", "an array");
  refused(":listOptimalTrials", R"({"pageSize": 3})", "pageSize: unknown field");
  CHECK(all.backend.commands().empty());
}

TEST_CASE("the optimal trials are those that no other dominates") {
  cluster_of_one all;
  auto study = all.backend.add_study("pareto", two_objectives);
  auto optimal = [&] {
    auto reply = all.http.post(study_path(study) + "/trials:listOptimalTrials", "{}");
    CHECK(reply.status == 200);
    return of_each(reply, "optimalTrials", "id");
  };
  CHECK(optimal().empty());
  all.backend.set_trial(study, 1, [](auto trial) { succeeded(trial, 1, 3); });
  all.backend.set_trial(study, 2, [](auto trial) { succeeded(trial, 1, 2); });
  all.backend.set_trial(study, 3, [](auto trial) { succeeded(trial, 3, 1); });
  all.backend.set_trial(study, 4, [](wire::Trial::Builder trial) {
    succeeded(trial, 9, 9);
    trial.setState(wire::Trial::State::INFEASIBLE);
  });
  CHECK(optimal() == texts{"1", "3"});
}

TEST_CASE("a suggestion is an operation, to be asked for or waited for") {
  cluster_of_one all;
  auto study = all.backend.add_study("one");
  all.backend.set_operation(42, false);
  all.backend.answer_next(wire::frame<wire::Outcome>::build([](wire::Outcome::Builder outcome) {
    outcome.initOperation().setName("projects/p/locations/l/operations/42");
  }));
  auto asked = all.http.post(study_path(study) + "/trials:suggest",
                             R"({"suggestionCount": 2, "clientId": "me"})");
  CHECK(asked.json()["name"].as<std::string>() == "projects/p/locations/l/operations/42");
  CHECK_FALSE(asked.json()["done"]);
  auto command = all.backend.commands().at(0);
  CHECK(command->getSuggestTrials().getStudy() == study);
  CHECK(command->getSuggestTrials().getSuggest().getSuggestionCount() == 2);

  auto plain = std::string("/v1/projects/p/locations/l/operations/42");
  auto below_study = study_path(study) + "/operations/42";
  auto below_trial = study_path(study) + "/trials/1/operations/42";
  for (auto name : {plain, below_study, below_trial, "/ui" + plain.substr(3)}) {
    auto shown = all.http.get(name);
    CHECK(shown.status == 200);
    CHECK_FALSE(shown.json()["done"]);
    CHECK_FALSE(shown.json()["response"]);
    CHECK(all.http.post(name + ":wait?timeout=0.05s", "").body == shown.body);
  }
  auto waiting = std::async(std::launch::async, [&] {
    client other{all.http.port};
    return other.post(below_study + ":wait", R"({"timeout": "20s"})");
  });
  all.backend.set_operation(42, true);
  auto done = waiting.get();
  CHECK(done.json()["done"].as<bool>());
  CHECK(done.json()["response"]["@type"].as<std::string>().ends_with("SuggestTrialsResponse"));
  CHECK(all.http.post(plain + ":wait", "{}").body == done.body);
}

TEST_CASE("an operation below a study has that name only") {
  cluster_of_one all;
  all.backend.set_operation(42, true, "studies/3/");
  CHECK(all.http.get(studies_path + "/3/operations/42").status == 200);
  for (auto name : {"/studies/4/operations/42", "/operations/42", "/studies/3/operations/43"})
    CHECK(status_of(all.http.get(fmt::format("/v1/projects/p/locations/l{}", name)))
          == "404 NOT_FOUND");
  CHECK(status_of(all.http.get("/v1/projects/q/locations/l/studies/3/operations/42"))
        == "404 NOT_FOUND");
}

TEST_CASE("a wait is bounded by the server, refuses nonsense, and ends with the server") {
  cluster_of_one all({.command_timeout_ms = std::chrono::milliseconds(250)});
  all.backend.set_operation(42, false);
  auto wait = std::string("/v1/projects/p/locations/l/operations/42:wait");
  auto reply = all.http.post(wait, R"({"timeout": "3600s"})");
  CHECK(reply.status == 200);
  CHECK_FALSE(reply.json()["done"]);
  for (auto body : {R"({"timeout": "soon"})", R"({"timeout": 5})", R"({"timeout": "-1s"})",
                    R"({"time": "1s"})", "[]"}) {
    CAPTURE(body);
    CHECK(status_of(all.http.post(wait, body)) == "400 INVALID_ARGUMENT");
  }
  CHECK(status_of(all.http.post(wait + "?timeout=x", "")) == "400 INVALID_ARGUMENT");

  cluster_of_one patient;
  patient.backend.set_operation(42, false);
  connection open(patient.http.port);
  open.send(patient.http.head_of("POST", wait, 2) + "{}");
  patient.api.reset();
  auto last = open.reply();
  CHECK((last.status == 0 || last.status == 200));
}

TEST_CASE("many waits share one thread and leave the others alone") {
  cluster_of_one all;
  all.backend.set_operation(42, false);
  auto wait = std::string("/v1/projects/p/locations/l/operations/42:wait");
  std::vector<std::unique_ptr<connection>> open;
  for (int index = 0; index < 40; ++index) {
    open.push_back(std::make_unique<connection>(all.http.port));
    open.back()->send(all.http.head_of("POST", wait, 2) + "{}");
  }
  CHECK(all.http.get(studies_path).status == 200);
  all.backend.set_operation(42, true);
  for (auto& each : open)
    CHECK(each->reply().json()["done"].as<bool>());
}

} // namespace troupe::api::test
