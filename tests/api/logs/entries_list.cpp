#include "api/query/json_writer.hpp"
#include "tests/api/fixture.hpp"

#include <set>

namespace troupe::api::test {

namespace {

constexpr int64_t start = new_year_micros * 1000;

struct logs_of_a_job : cluster_of_one {
  explicit logs_of_a_job(server_settings settings = {}) : cluster_of_one(std::move(settings)) {
    job = backend.add_job("j", wire::JobState::RUNNING);
    backend.set_attempt(job, [](wire::AttemptRecord::Builder attempt) {
      auto nodes = attempt.initLogNodes(2);
      nodes.set(0, "n1");
      nodes.set(1, "n2");
    });
  }

  void line(const std::string& node, const std::string& task, int64_t at, const std::string& text,
            bool through_stderr = false) {
    backend.add_line(node, job, {"1/" + task + "/0", start + at, text, through_stderr});
  }

  void end_job() {
    backend.change_job(job, [](auto changed) { changed.setState(wire::JobState::SUCCEEDED); });
  }

  http_reply list(std::string_view more_filter = "", int page_size = 100,
                  std::string_view token = "", uint64_t id = 0) {
    auto filter = fmt::format("resource.type=\"ml_job\" AND resource.labels.job_id=\"{}\" {}",
                              id ? id : job, more_filter);
    json_writer body;
    body.begin_object().key("resourceNames").begin_array().value("projects/p").end_array();
    body.member("filter", filter).member("orderBy", "timestamp asc");
    body.member("pageSize", page_size).member("pageToken", token).end_object();
    return http.post("/v2/entries:list", body.take());
  }

  uint64_t job = 0;
};

std::string token_in(const http_reply& reply) {
  auto token = reply.json()["nextPageToken"];
  return token ? token.as<std::string>() : "";
}

std::vector<std::string> texts_in(const http_reply& reply) {
  std::vector<std::string> texts;
  for (auto entry : reply.json()["entries"])
    texts.push_back(entry["textPayload"] ? entry["textPayload"].as<std::string>()
                                         : entry["jsonPayload"]["message"].as<std::string>());
  return texts;
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("a line is shown as an entry of Cloud Logging") {
  logs_of_a_job cluster;
  cluster.line("n1", "workerpool0-0", 1, "plain");
  cluster.line("n1", "workerpool0-0", 2, "oops", true);
  cluster.line(
      "n1", "workerpool0-0", 3,
      R"({"severity": "warning", "message": "structured", "loss": 0.10, "deep": {"x": [1]}})",
      true);
  cluster.line("n1", "workerpool0-0", 4, R"({"not": json})");
  cluster.backend.add_service_log(cluster.job, 0, new_year_micros - 1, "Job is preparing.");
  auto reply = cluster.list();
  REQUIRE(reply.status == 200);
  auto entries = reply.json()["entries"];
  REQUIRE(entries.size() == 5);
  CHECK(entries[0]["resource"]["labels"]["task_name"].as<std::string>() == "service");
  CHECK(entries[0]["textPayload"].as<std::string>() == "Job is preparing.");
  CHECK(entries[1]["logName"].as<std::string>() == "projects/p/logs/workerpool0-0");
  CHECK(entries[1]["resource"]["type"].as<std::string>() == "ml_job");
  CHECK(entries[1]["resource"]["labels"]["job_id"].as<uint64_t>() == cluster.job);
  CHECK(entries[1]["resource"]["labels"]["project_id"].as<std::string>() == "p");
  CHECK(entries[1]["timestamp"].as<std::string>() == "2026-01-01T00:00:00.000000001Z");
  CHECK(entries[1]["severity"].as<std::string>() == "INFO");
  CHECK(entries[2]["severity"].as<std::string>() == "ERROR");
  CHECK(entries[3]["severity"].as<std::string>() == "WARNING");
  CHECK(reply.body.contains(
      R"("jsonPayload":{"message":"structured","loss":0.10,"deep":{"x":[1]}})"));
  CHECK(entries[4]["textPayload"].as<std::string>() == R"({"not": json})");
  std::set<std::string> ids;
  for (auto entry : entries)
    ids.insert(entry["insertId"].as<std::string>());
  CHECK(ids.size() == 5);
}

TEST_CASE("the lines of all nodes are merged by time, and each is on exactly one page") {
  logs_of_a_job cluster;
  texts expected;
  for (int index = 0; index < 300; ++index) {
    auto node = index % 2 ? "n1" : "n2";
    cluster.line(node, index % 2 ? "workerpool0-0" : "workerpool1-0", index,
                 fmt::format("{}", index));
    expected.push_back(fmt::format("{}", index));
  }
  cluster.end_job();
  for (int page_size : {1000, 299, 100, 7}) {
    texts read;
    std::string token;
    do {
      auto reply = cluster.list("", page_size, token);
      auto page = texts_in(reply);
      CHECK(page.size() <= size_t(page_size));
      read.insert(read.end(), page.begin(), page.end());
      token = token_in(reply);
    } while (!token.empty());
    CHECK(read == expected);
  }
}

TEST_CASE("a client that follows a job gets each new line once, until the job ends") {
  logs_of_a_job cluster;
  cluster.line("n1", "workerpool0-0", 10, "first");
  auto reply = cluster.list();
  CHECK(texts_in(reply) == texts{"first"});
  reply = cluster.list("", 100, token_in(reply));
  CHECK(texts_in(reply).empty());
  REQUIRE_FALSE(token_in(reply).empty());
  cluster.line("n2", "workerpool1-0", 5, "late, and older");
  cluster.line("n1", "workerpool0-0", 20, "second");
  reply = cluster.list("", 100, token_in(reply));
  CHECK(texts_in(reply) == texts{"late, and older", "second"});
  cluster.line("n1", "workerpool0-0", 30, "last");
  cluster.end_job();
  reply = cluster.list("", 100, token_in(reply));
  CHECK(texts_in(reply) == texts{"last"});
  CHECK(token_in(reply).empty());
}

TEST_CASE("a job that has ended has more pages while a replica of it still runs") {
  logs_of_a_job cluster;
  cluster.end_job();
  auto replica_is = [&](wire::ReplicaPhase phase) {
    cluster.backend.set_attempt(cluster.job, [&](wire::AttemptRecord::Builder attempt) {
      attempt.initLogNodes(1).set(0, "n1");
      auto replica = attempt.initReplicas(1)[0];
      replica.setNode("n1");
      replica.getStatus().setPhase(phase);
    });
  };
  cluster.backend.set_node("n1", [](wire::NodeRecord::Builder node) { node.setConnected(true); });
  replica_is(wire::ReplicaPhase::RUNNING);
  CHECK_FALSE(token_in(cluster.list()).empty());
  replica_is(wire::ReplicaPhase::EXITED);
  CHECK(token_in(cluster.list()).empty());
  replica_is(wire::ReplicaPhase::RUNNING);
  cluster.backend.set_node("n1", [](wire::NodeRecord::Builder node) { node.setConnected(false); });
  CHECK(token_in(cluster.list()).empty());
}

TEST_CASE("a list has only the entries that match its filter") {
  logs_of_a_job cluster;
  cluster.line("n1", "workerpool0-0", 1, "info");
  cluster.line("n1", "workerpool0-0", 2, "error", true);
  cluster.line("n2", "workerpool1-0", 1'000'000'000, "other");
  cluster.line("n2", "workerpool1-0", 2'000'000'000, R"({"message":"m","step":5})");
  CHECK(texts_in(cluster.list("AND severity>=ERROR")) == texts{"error"});
  CHECK(texts_in(cluster.list("resource.labels.task_name=workerpool1-0")) == texts{"other", "m"});
  CHECK(texts_in(cluster.list("timestamp>\"2026-01-01T00:00:01Z\"")) == texts{"m"});
  CHECK(texts_in(cluster.list("timestamp>=\"2026-01-01T00:00:01Z\"")) == texts{"other", "m"});
  CHECK(texts_in(cluster.list("textPayload:err")) == texts{"error"});
  CHECK(texts_in(cluster.list("jsonPayload.step=5")) == texts{"m"});
  CHECK(texts_in(cluster.list("logName=\"projects/p/logs/workerpool0-0\""))
        == texts{"info", "error"});
}

TEST_CASE("a page reads on over lines that do not match") {
  logs_of_a_job cluster;
  for (int index = 0; index < 1000; ++index)
    cluster.line("n1", "workerpool0-0", index, "dull");
  cluster.line("n1", "workerpool0-0", 2000, "interesting", true);
  auto reply = cluster.list("severity=ERROR", 1);
  CHECK(texts_in(reply) == texts{"interesting"});
}

TEST_CASE("a node that does not answer is named once, and read when it is back") {
  logs_of_a_job cluster;
  cluster.line("n1", "workerpool0-0", 1, "here");
  cluster.line("n2", "workerpool1-0", 2, "away");
  cluster.backend.silence("n2", true);
  auto reply = cluster.list();
  auto page = texts_in(reply);
  REQUIRE(page.size() == 2);
  CHECK(page[0] == "here");
  CHECK(page[1].contains("node n2"));
  CHECK(page[1].contains("not connected"));
  CHECK(reply.json()["entries"][1]["severity"].as<std::string>() == "WARNING");
  reply = cluster.list("", 100, token_in(reply));
  CHECK(texts_in(reply).empty());
  cluster.backend.silence("n2", false);
  reply = cluster.list("", 100, token_in(reply));
  CHECK(texts_in(reply) == texts{"away"});
  cluster.backend.silence("n2", true);
  reply = cluster.list("", 1, token_in(reply));
  CHECK(texts_in(reply).size() == 1);
}

TEST_CASE("a tuning job's log has the lines of all its trials") {
  logs_of_a_job cluster;
  auto created = cluster.http.post(tuning_path, R"({"displayName":"t","maxTrialCount":2})");
  auto tuning = cluster.backend.tuning_job_ids().front();
  REQUIRE(created.status == 200);
  auto second = cluster.backend.add_job("t-trial-2", wire::JobState::RUNNING);
  cluster.backend.change_tuning_job(tuning, [&](wire::HyperparameterTuningJob::Builder job) {
    auto trials = job.initTrials(3);
    trials[0].setId("1");
    trials[0].setCustomJob(fmt::format("projects/p/locations/l/customJobs/{}", cluster.job));
    trials[1].setId("2");
    trials[1].setCustomJob(fmt::format("projects/p/locations/l/customJobs/{}", second));
    trials[2].setId("3");
  });
  cluster.backend.set_attempt(
      second, [](wire::AttemptRecord::Builder attempt) { attempt.initLogNodes(1).set(0, "n2"); });
  cluster.line("n1", "workerpool0-0", 2, "of one");
  cluster.backend.add_line("n2", second, {"1/workerpool0-0/0", start + 1, "of two", false});
  cluster.backend.add_service_log(tuning, 0, new_year_micros, "Tuning.");
  auto reply = cluster.list("", 100, "", tuning);
  CHECK(texts_in(reply) == texts{"Tuning.", "of two", "of one"});
  auto entry = reply.json()["entries"][1];
  CHECK(entry["labels"]["ml.googleapis.com/trial_id"].as<std::string>() == "2");
  CHECK(entry["resource"]["labels"]["job_id"].as<uint64_t>() == second);
  CHECK(texts_in(cluster.list(R"(labels."ml.googleapis.com/trial_id"=1)", 100, "", tuning))
        == texts{"of one"});
  auto token = token_in(reply);
  REQUIRE_FALSE(token.empty());
  cluster.end_job();
  reply = cluster.list("", 100, token, tuning);
  token = token_in(reply);
  cluster.backend.add_line("n2", second, {"1/workerpool0-0/0", start + 9, "more of two", false});
  reply = cluster.list("", 100, token, tuning);
  CHECK(texts_in(reply) == texts{"more of two"});
}

TEST_CASE("an invalid log request is rejected") {
  logs_of_a_job cluster;
  auto refused = [&](std::string_view body, std::string_view status, std::string_view part) {
    auto reply = cluster.http.post("/v2/entries:list", body);
    CAPTURE(body);
    CHECK(status_of(reply) == status);
    CHECK_MESSAGE(message_of(reply).contains(part), message_of(reply));
  };
  auto id = std::to_string(cluster.job);
  auto filter = R"("filter":"resource.labels.job_id=)" + id + "\"";
  refused("", "400 INVALID_ARGUMENT", "request body:1:1");
  refused("[]", "400 INVALID_ARGUMENT", "object");
  refused("{}", "400 INVALID_ARGUMENT", "exactly one");
  refused(R"({"filter":"severity>=ERROR"})", "400 INVALID_ARGUMENT", "0 jobs");
  refused(R"({"filter":"resource.labels.job_id=1 OR severity=INFO"})", "400 INVALID_ARGUMENT",
          "0 jobs");
  refused(R"({"filter":"resource.labels.job_id=1 resource.labels.job_id=2"})",
          "400 INVALID_ARGUMENT", "2 jobs");
  refused(R"({"filter":"resource.labels.job_id=abc"})", "400 INVALID_ARGUMENT", "abc");
  refused(R"({"filter":"resource.labels.job_id=12"})", "404 NOT_FOUND", "12");
  refused(R"({"filter":"resource.labels.zone=1"})", "400 INVALID_ARGUMENT", "position 1");
  refused("{" + filter + R"(,"pageSize":-1})", "400 INVALID_ARGUMENT", "pageSize");
  refused("{" + filter + R"(,"pageSize":{}})", "400 INVALID_ARGUMENT", "pageSize");
  refused("{" + filter + R"(,"pageToken":"x"})", "400 INVALID_ARGUMENT", "pageToken");
  refused("{" + filter + R"(,"orderBy":"timestamp desc"})", "501 UNIMPLEMENTED", "orderBy");
  refused("{" + filter + R"(,"orderBy":"size"})", "400 INVALID_ARGUMENT", "orderBy");
  refused("{" + filter + R"(,"colour":"red"})", "400 INVALID_ARGUMENT", "colour");
  refused("{" + filter + R"(,"resourceNames":["projects/q"]})", "404 NOT_FOUND", "projects/p");
  refused("{" + filter + R"(,"resourceNames":"projects/p"})", "400 INVALID_ARGUMENT", "array");
}

} // namespace troupe::api::test
