#include "tests/api/studies_fixture.hpp"

namespace troupe::api::test {

namespace {

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

TEST_CASE("trials are listed by number, in pages, and shown") {
  cluster_of_one cluster;
  auto study = cluster.backend.add_study("one");
  auto other = cluster.backend.add_study("two");
  for (uint32_t number : {3, 12, 1, 2})
    cluster.backend.set_trial(study, number, [](wire::Trial::Builder trial) {
      trial.setState(wire::Trial::State::ACTIVE);
      trial.setClientId("me");
    });
  cluster.backend.set_trial(other, 4, [](wire::Trial::Builder) {});
  auto trials = study_path(study) + "/trials";
  CHECK(of_each(cluster.http.get(trials), "trials", "id") == texts{"1", "2", "3", "12"});
  auto page = cluster.http.get(trials + "?pageSize=3");
  CHECK(of_each(page, "trials", "id") == texts{"1", "2", "3"});
  auto token = page.json()["nextPageToken"].as<std::string>();
  cluster.backend.set_trial(study, 13, [](wire::Trial::Builder) {});
  auto rest = cluster.http.get(trials + "?pageSize=3&pageToken=" + token);
  CHECK(of_each(rest, "trials", "id") == texts{"12", "13"});
  CHECK_FALSE(rest.json()["nextPageToken"]);
  CHECK(status_of(cluster.http.get(study_path(other) + "/trials?pageToken=" + token))
        == "400 INVALID_ARGUMENT");
  auto shown = cluster.http.get(trials + "/12").json();
  CHECK(shown["state"].as<std::string>() == "ACTIVE");
  CHECK(shown["clientId"].as<std::string>() == "me");
}

TEST_CASE("every method of a trial becomes its command") {
  cluster_of_one cluster;
  auto study = cluster.backend.add_study("one");
  cluster.backend.set_trial(study, 5, [](wire::Trial::Builder) {});
  auto trials = study_path(study) + "/trials";
  auto sent = [&](std::string_view target, std::string_view body) {
    cluster.backend.answer_next(trial_outcome("5"));
    auto reply = cluster.http.post(target, body);
    CAPTURE(reply.body);
    CHECK(reply.status == 200);
    CHECK(reply.json()["id"].as<std::string>() == "5");
    return cluster.backend.commands().back();
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

  cluster.backend.answer_next(wire::frame<wire::Outcome>::build(
      [](wire::Outcome::Builder outcome) { outcome.setEmpty(); }));
  CHECK(cluster.http.call("DELETE", trials + "/5").body == "{}");
  CHECK(cluster.backend.commands().back()->getDeleteTrial().getNumber() == 5);
}

TEST_CASE("an invalid body is rejected before the controller gets a command") {
  cluster_of_one cluster;
  auto study = cluster.backend.add_study("one");
  cluster.backend.set_trial(study, 5, [](wire::Trial::Builder) {});
  auto trials = study_path(study) + "/trials";
  auto refused = [&](std::string_view suffix, std::string_view body, std::string_view part) {
    auto reply = cluster.http.post(fmt::format("{}{}", trials, suffix), body);
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
  CHECK(cluster.backend.commands().empty());
}

TEST_CASE("the optimal trials are those that no other trial dominates") {
  cluster_of_one cluster;
  auto study = cluster.backend.add_study("pareto", two_objectives);
  auto optimal = [&] {
    auto reply = cluster.http.post(study_path(study) + "/trials:listOptimalTrials", "{}");
    CHECK(reply.status == 200);
    return of_each(reply, "optimalTrials", "id");
  };
  CHECK(optimal().empty());
  cluster.backend.set_trial(study, 1, [](auto trial) { succeeded(trial, 1, 3); });
  cluster.backend.set_trial(study, 2, [](auto trial) { succeeded(trial, 1, 2); });
  cluster.backend.set_trial(study, 3, [](auto trial) { succeeded(trial, 3, 1); });
  cluster.backend.set_trial(study, 4, [](wire::Trial::Builder trial) {
    succeeded(trial, 9, 9);
    trial.setState(wire::Trial::State::INFEASIBLE);
  });
  CHECK(optimal() == texts{"1", "3"});
}

} // namespace troupe::api::test
