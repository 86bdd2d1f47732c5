#include "tests/api/fixture.hpp"

#include <set>

namespace troupe::api::test {

namespace {

std::string id_in(const http_reply& reply) {
  auto name = reply.json()["name"].as<std::string>();
  return name.substr(name.rfind('/') + 1);
}

std::string encoded(std::string_view text) {
  std::string out;
  for (unsigned char c : text)
    if (std::isalnum(c))
      out += char(c);
    else
      out += fmt::format("%{:02X}", c);
  return out;
}

/// The display names on one page.
std::vector<std::string> names_in(const http_reply& reply, const char* collection = "customJobs") {
  std::vector<std::string> names;
  for (auto job : reply.json()[collection])
    names.push_back(job["displayName"].as<std::string>());
  return names;
}

} // namespace

TEST_CASE("a custom job is created and shown") {
  cluster_of_one all;
  auto created = all.http.post(jobs_path, good_job);
  REQUIRE(created.status == 200);
  CHECK(created.headers["content-type"] == "application/json; charset=utf-8");
  auto id = id_in(created);
  CHECK(id.size() == 19);
  CHECK(created.json()["state"].as<std::string>() == "JOB_STATE_QUEUED");
  CHECK(created.json()["createTime"].as<std::string>() == "2026-01-01T00:00:00.123456Z");

  auto shown = all.http.get(jobs_path + "/" + id);
  CHECK(shown.status == 200);
  CHECK(shown.body == created.body);
  auto pool = shown.json()["jobSpec"]["workerPoolSpecs"][0];
  CHECK(pool["replicaCount"].as<std::string>() == "1");
  CHECK(pool["containerSpec"]["args"][0].as<std::string>() == "a b");
  CHECK(all.http.get("/v1beta1/projects/p/locations/l/customJobs/" + id).body == created.body);

  auto commands = all.backend.commands();
  REQUIRE(commands.size() == 1);
  CHECK(wire::view(commands[0]->getProject()) == "p");
  CHECK(wire::view(commands[0]->getLocation()) == "l");
}

TEST_CASE("enums are numbers for a client that asks for them") {
  cluster_of_one all;
  auto created = all.http.post(jobs_path + "?$alt=json;enum-encoding=int", good_job);
  CHECK(created.body.contains("\"state\":1"));
  auto target = jobs_path + "/" + id_in(created);
  CHECK(all.http.get(target + "?%24alt=json%3Benum-encoding=int").body.contains("\"state\":1"));
  CHECK(all.http.get(target + "?alt=json&$prettyPrint=false&$.xgafv=2&key=k&fields=name").status
        == 200);
  CHECK(all.http.get(target).body.contains("JOB_STATE_QUEUED"));
}

TEST_CASE("a read mask leaves out the rest") {
  cluster_of_one all;
  auto id = id_in(all.http.post(jobs_path, good_job));
  auto shown = all.http.get(jobs_path + "/" + id + "?readMask=name,display_name");
  CHECK(shown.json()["displayName"].as<std::string>() == "train-1");
  CHECK_FALSE(shown.json()["state"]);
  CHECK_FALSE(shown.json()["jobSpec"]);
  auto listed = all.http.get(jobs_path + "?read_mask=*");
  CHECK(listed.json()["customJobs"][0]["state"]);
  auto wrong = all.http.get(jobs_path + "?readMask=nmae");
  CHECK(status_of(wrong) == "400 INVALID_ARGUMENT");
  CHECK(message_of(wrong).contains("nmae"));
}

TEST_CASE("a job that does not exist, or not there, is not found") {
  cluster_of_one all;
  auto id = id_in(all.http.post(jobs_path, good_job));
  for (auto target : {jobs_path + "/77", jobs_path + "/abc", jobs_path + "/0" + id,
                      jobs_path + "/-1", "/v1/projects/other/locations/l/customJobs/" + id,
                      "/v1/projects/p/locations/other/customJobs/" + id, tuning_path + "/" + id,
                      jobs_path + "/99999999999999999999999"}) {
    CAPTURE(target);
    CHECK(status_of(all.http.get(target)) == "404 NOT_FOUND");
    CHECK(status_of(all.http.call("DELETE", target)) == "404 NOT_FOUND");
    CHECK(status_of(all.http.post(target + ":cancel", "{}")) == "404 NOT_FOUND");
    CHECK(status_of(all.http.get(target + ":status")) == "404 NOT_FOUND");
  }
  CHECK(all.backend.commands().size() == 1);
}

TEST_CASE("cancel answers with nothing, delete with an operation that is done") {
  cluster_of_one all;
  auto target = jobs_path + "/" + id_in(all.http.post(jobs_path, good_job));
  auto cancelled = all.http.post(target + ":cancel", "");
  CHECK(cancelled.status == 200);
  CHECK(cancelled.body == "{}");
  auto job = all.http.get(target).json();
  CHECK(job["state"].as<std::string>() == "JOB_STATE_CANCELLED");
  CHECK(job["error"]["code"].as<int>() == 1);

  auto deleted = all.http.call("DELETE", target);
  CHECK(deleted.status == 200);
  CHECK(deleted.json()["done"].as<bool>());
  CHECK(deleted.json()["response"]["@type"].as<std::string>()
        == "type.googleapis.com/google.protobuf.Empty");
  CHECK(status_of(all.http.get(target)) == "404 NOT_FOUND");

  auto operation = "/v1/" + deleted.json()["name"].as<std::string>();
  CHECK(all.http.get(operation).body == deleted.body);
  CHECK(all.http.post(operation + ":wait", "{}").body == deleted.body);
  CHECK(all.http.post(operation + ":cancel", "{}").body == "{}");
  CHECK(status_of(all.http.call("DELETE", operation)) == "501 UNIMPLEMENTED");
  auto listed = all.http.get("/v1/projects/p/locations/l/operations?filter=done%3Dtrue");
  CHECK(listed.json()["operations"].size() == 1);
  CHECK(all.http.get("/v1/projects/q/locations/l/operations").json()["operations"].size() == 0);
  CHECK(status_of(all.http.get("/v1/projects/p/locations/l/operations/5")) == "404 NOT_FOUND");
}

TEST_CASE("a tuning job is created, shown, listed, cancelled and deleted") {
  cluster_of_one all;
  auto body = R"({"displayName": "tune", "maxTrialCount": 4, "parallelTrialCount": 2,
    "studySpec": {"metrics": [{"metricId": "acc", "goal": "MAXIMIZE"}],
      "parameters": [{"parameterId": "lr", "doubleValueSpec": {"minValue": 0.1, "maxValue": 1}}]},
    "trialJobSpec": {"workerPoolSpecs": [{"replicaCount": 1,
      "machineSpec": {"machineType": "m"}, "containerSpec": {"imageUri": "host"}}]}})";
  auto created = all.http.post(tuning_path, body);
  REQUIRE(created.status == 200);
  auto target = tuning_path + "/" + id_in(created);
  CHECK(all.http.get(target).body == created.body);
  CHECK(names_in(all.http.get(tuning_path), "hyperparameterTuningJobs")
        == std::vector<std::string>{"tune"});
  CHECK(all.http.get(jobs_path).json()["customJobs"].size() == 0);
  CHECK(all.http.post(target + ":cancel", "{}").body == "{}");
  CHECK(all.http.get(target + ":status").json()["trials"].size() == 0);
  CHECK(all.http.call("DELETE", target).json()["done"].as<bool>());
  CHECK(all.http.get(target).status == 404);
}

TEST_CASE("bad bodies are refused with the place of the fault") {
  cluster_of_one all;
  auto refused = [&](std::string_view body, std::string_view part) {
    auto reply = all.http.post(jobs_path, body);
    CAPTURE(body);
    CHECK(status_of(reply) == "400 INVALID_ARGUMENT");
    CHECK_MESSAGE(message_of(reply).contains(part), message_of(reply));
  };
  refused("", "request body:1:1");
  refused("{\"displayName\": \"x\",\n  oops}", "request body:2:3");
  refused("[]", "object");
  refused(R"({"displayNaem": "x"})", "displayName");
  refused(R"({"displayName": 5})", "displayName");
  refused(R"({"jobSpec": {"workerPoolSpecs": [{"replicaCount": "many"}]}})",
          "jobSpec.workerPoolSpecs[0].replicaCount");
  refused("{\"displayName\": \"\xff\xfe\"}", "request body:1:");
  refused(std::string(100, '['), "");
  refused(R"({"displayName": ""})", "1 to 128 characters");
  auto commands = all.backend.commands();
  CHECK(commands.size() == 1); // only the last reached the controller
}

TEST_CASE("the controller's errors reach the client with their HTTP status") {
  cluster_of_one all;
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
    all.backend.fail_next({code, "say \"why\"\n"});
    auto reply = all.http.post(jobs_path, good_job);
    CHECK(status_of(reply) == expected);
    CHECK(message_of(reply) == "say \"why\"\n");
  }
}

TEST_CASE("a controller that does not answer costs 504") {
  cluster_of_one all({.command_timeout_ms = std::chrono::milliseconds(50)});
  all.backend.hold_answers();
  CHECK(status_of(all.http.post(jobs_path, good_job)) == "504 DEADLINE_EXCEEDED");
}

TEST_CASE("lists come newest first, in pages that survive new jobs") {
  cluster_of_one all;
  for (int index = 0; index < 7; ++index)
    all.backend.add_job(fmt::format("job-{}", index), wire::JobState::RUNNING);
  all.backend.add_job("elsewhere", wire::JobState::RUNNING, "q");

  auto first = all.http.get(jobs_path + "?pageSize=3");
  CHECK(names_in(first) == std::vector<std::string>{"job-6", "job-5", "job-4"});
  auto token = first.json()["nextPageToken"].as<std::string>();
  all.backend.add_job("late", wire::JobState::RUNNING);
  auto second = all.http.get(jobs_path + "?page_size=3&page_token=" + token);
  CHECK(names_in(second) == std::vector<std::string>{"job-3", "job-2", "job-1"});
  auto third = all.http.get(
      jobs_path + "?pageSize=3&pageToken=" + second.json()["nextPageToken"].as<std::string>());
  CHECK(names_in(third) == std::vector<std::string>{"job-0"});
  CHECK_FALSE(third.json()["nextPageToken"]);

  CHECK(names_in(all.http.get(jobs_path)).size() == 8);
  CHECK(names_in(all.http.get("/v1/projects/-/locations/-/customJobs")).size() == 9);
  CHECK(status_of(all.http.post("/v1/projects/-/locations/l/customJobs", good_job))
        == "400 INVALID_ARGUMENT");
  CHECK(names_in(all.http.get("/v1/projects/q/locations/l/customJobs")).size() == 1);
}

TEST_CASE("page sizes and tokens that cannot be are refused") {
  cluster_of_one all;
  for (int index = 0; index < 3; ++index)
    all.backend.add_job("j", wire::JobState::RUNNING);
  auto token = all.http.get(jobs_path + "?pageSize=1").json()["nextPageToken"].as<std::string>();
  auto changed = token;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  for (auto query :
       {std::string("pageSize=-1"), std::string("pageSize=x"), std::string("pageToken=garbage"),
        "pageToken=" + changed, "pageToken=" + token.substr(1), "pageToken=" + token + "A",
        "filter=state%3D3&pageToken=" + token}) {
    CAPTURE(query);
    CHECK(status_of(all.http.get(jobs_path + "?" + query)) == "400 INVALID_ARGUMENT");
  }
  CHECK(status_of(all.http.get(tuning_path + "?pageToken=" + token)) == "400 INVALID_ARGUMENT");
  CHECK(names_in(all.http.get(jobs_path + "?pageSize=0")).size() == 3);
  CHECK(names_in(all.http.get(jobs_path + "?pageSize=5000")).size() == 3);
}

TEST_CASE("lists are filtered") {
  cluster_of_one all;
  all.backend.add_job("bert-a", wire::JobState::SUCCEEDED, "p", "l", {{"team", "nlp"}});
  all.backend.add_job("bert-b", wire::JobState::FAILED);
  all.backend.add_job("vit", wire::JobState::SUCCEEDED, "p", "l", {{"team", "vision"}});
  auto found = [&](std::string_view filter) {
    auto reply = all.http.get(jobs_path + "?filter=" + encoded(filter));
    CAPTURE(reply.body);
    REQUIRE(reply.status == 200);
    return names_in(reply);
  };
  using names = std::vector<std::string>;
  CHECK(found(R"(state="JOB_STATE_SUCCEEDED" AND display_name:"bert*")") == names{"bert-a"});
  CHECK(found("labels.team:*") == names{"vit", "bert-a"});
  CHECK(found("NOT displayName=\"vit\"") == names{"bert-b", "bert-a"});
  CHECK(found(R"(create_time>"2027-01-01T00:00:00Z")") == names{});
  CHECK(found(R"(create_time>"2025-01-01T00:00:00Z")").size() == 3);
  auto wrong = all.http.get(jobs_path + "?filter=" + encoded("colour=red"));
  CHECK(status_of(wrong) == "400 INVALID_ARGUMENT");
  CHECK(message_of(wrong).contains("position 1"));
}

TEST_CASE("a list with a rare match gives pages on the way, never all rows at once") {
  cluster_of_one all;
  all.backend.add_job("needle", wire::JobState::RUNNING);
  for (int index = 0; index < 5200; ++index)
    all.backend.add_job("hay", wire::JobState::RUNNING);
  auto first = all.http.get(jobs_path + "?filter=display_name%3Dneedle");
  CHECK(names_in(first).empty());
  auto token = first.json()["nextPageToken"].as<std::string>();
  auto second = all.http.get(jobs_path + "?filter=display_name%3Dneedle&pageToken=" + token);
  CHECK(names_in(second) == std::vector<std::string>{"needle"});
}

TEST_CASE("a job's status says why it waits and where its replicas are") {
  cluster_of_one all;
  all.backend.add_job("before", wire::JobState::QUEUED);
  auto id = all.backend.add_job("x", wire::JobState::QUEUED);
  all.backend.set_attempt(id, [&](wire::AttemptRecord::Builder attempt) {
    attempt.setAttempt(2);
    attempt.setReason("waits for 8 GPUs");
    auto replica = attempt.initReplicas(1)[0];
    replica.setNode("n1");
    replica.getStatus().getId().setPool(1);
    replica.getStatus().getId().setIndex(3);
    replica.getStatus().getId().setIncarnation(4);
    replica.getStatus().setPhase(wire::ReplicaPhase::EXITED);
    replica.getStatus().setExitCode(7);
    replica.getStatus().setMessage("boom");
  });
  auto status = all.http.get(fmt::format("{}/{}:status", jobs_path, id)).json();
  CHECK(status["attempt"].as<int>() == 2);
  CHECK(status["reason"].as<std::string>() == "waits for 8 GPUs");
  CHECK(status["queue"]["position"].as<int>() == 2);
  auto replica = status["replicas"][0];
  CHECK(replica["task"].as<std::string>() == "workerpool1-3");
  CHECK(replica["node"].as<std::string>() == "n1");
  CHECK(replica["phase"].as<std::string>() == "exited");
  CHECK(replica["exitCode"].as<int>() == 7);
  CHECK(replica["incarnation"].as<int>() == 4);
  CHECK(replica["message"].as<std::string>() == "boom");
}

TEST_CASE("nodes and metrics are shown") {
  cluster_of_one all;
  all.backend.set_node("n1", [](wire::NodeRecord::Builder node) {
    node.initHello().setName("n1");
    node.getHello().setAddress("10.0.0.1");
    node.getHello().initResources().setCpuMillis(4000);
    node.getHello().getResources().setGpus(2);
    node.setConnected(true);
    node.setLastSeenMicros(new_year_micros);
    node.initAllocated().setCpuMillis(1000);
  });
  all.backend.add_job("j", wire::JobState::RUNNING);
  all.backend.add_study("s");
  auto node = all.http.get("/v1/projects/p/locations/l/nodes").json()["nodes"][0];
  CHECK(node["name"].as<std::string>() == "n1");
  CHECK(node["connected"].as<bool>());
  CHECK(node["resources"]["cpuMillis"].as<std::string>() == "4000");
  CHECK(node["resources"]["gpus"].as<int>() == 2);
  CHECK(node["allocated"]["cpuMillis"].as<std::string>() == "1000");
  CHECK(node["lastSeen"].as<std::string>() == "2026-01-01T00:00:00Z");

  all.http.get("/v1/nowhere");
  auto metrics = all.http.get("/metrics").body;
  CHECK(metrics.contains("troupe_jobs{kind=\"customJobs\",state=\"JOB_STATE_RUNNING\"} 1\n"));
  CHECK(metrics.contains("troupe_studies{state=\"ACTIVE\"} 1\n"));
  CHECK(metrics.contains("troupe_nodes{state=\"connected\"} 1\n"));
  CHECK(metrics.contains("troupe_http_requests_total{code=\"404\"} 1\n"));
}

} // namespace troupe::api::test
