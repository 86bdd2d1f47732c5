#include "api/resources/outcome.hpp"

#include "tests/api/fixture.hpp"

namespace troupe::api::test {

namespace {

using outcome_builder = wire::Outcome::Builder;

response response_to(const std::function<void(outcome_builder)>& fill) {
  return response_of(wire::frame<wire::Outcome>::build(fill), {});
}

} // namespace

TEST_CASE("an outcome with a resource is answered with the resource") {
  for (auto [fill, expected] :
       std::initializer_list<std::pair<std::function<void(outcome_builder)>, std::string>>{
           {[](outcome_builder outcome) { outcome.initCustomJob().setName("a"); }, "a"},
           {[](outcome_builder outcome) { outcome.initTuningJob().setName("b"); }, "b"},
           {[](outcome_builder outcome) { outcome.initOperation().setName("c"); }, "c"},
           {[](outcome_builder outcome) { outcome.initStudy().setName("d"); }, "d"},
           {[](outcome_builder outcome) { outcome.initTrial().setName("e"); }, "e"}}) {
    auto response = response_to(fill);
    CHECK(response.status == 200);
    CHECK(YAML::Load(response.body)["name"].as<std::string>() == expected);
  }
}

TEST_CASE("an outcome without content is an empty object") {
  CHECK(response_to([](outcome_builder outcome) { outcome.setEmpty(); }).body == "{}");
}

TEST_CASE("an outcome that is an error is answered with its code and message") {
  auto error_with = [](int code) {
    return response_to([&](outcome_builder outcome) {
      outcome.initError().setCode(code);
      outcome.getError().setMessage("no");
    });
  };
  CHECK(error_with(int(errc::not_found)).status == 404);
  CHECK(YAML::Load(error_with(5).body)["error"]["message"].as<std::string>() == "no");
  for (int unknown : {0, 17, -1}) {
    CAPTURE(unknown);
    CHECK(YAML::Load(error_with(unknown).body)["error"]["status"].as<std::string>() == "UNKNOWN");
  }
}

TEST_CASE("the controller's errors reach the client with their HTTP status") {
  cluster_of_one cluster;
  const std::pair<errc, std::string> cases[] = {
      {errc::invalid_argument, "400 INVALID_ARGUMENT"},
      {errc::failed_precondition, "400 FAILED_PRECONDITION"},
      {errc::already_exists, "409 ALREADY_EXISTS"},
      {errc::permission_denied, "403 PERMISSION_DENIED"},
      {errc::resource_exhausted, "429 RESOURCE_EXHAUSTED"},
      {errc::aborted, "409 ABORTED"},
      {errc::cancelled, "499 CANCELLED"},
      {errc::unavailable, "503 UNAVAILABLE"},
      {errc::internal, "500 INTERNAL"},
      {errc::deadline_exceeded, "504 DEADLINE_EXCEEDED"},
  };
  for (const auto& [code, expected] : cases) {
    cluster.backend.fail_next({code, "say \"why\"\n"});
    auto reply = cluster.http.post(jobs_path, good_job);
    CHECK(status_of(reply) == expected);
    CHECK(message_of(reply) == "say \"why\"\n");
  }
}

TEST_CASE("a command that the controller does not answer ends with 504") {
  cluster_of_one cluster({.command_timeout_ms = std::chrono::milliseconds(50)});
  cluster.backend.hold_answers();
  CHECK(status_of(cluster.http.post(jobs_path, good_job)) == "504 DEADLINE_EXCEEDED");
}

} // namespace troupe::api::test
