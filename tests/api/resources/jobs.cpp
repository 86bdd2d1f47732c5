#include "tests/api/fixture.hpp"

#include <cctype>

namespace troupe::api::test {

namespace {

std::string encoded(std::string_view text) {
  std::string out;
  for (unsigned char c : text)
    if (std::isalnum(c))
      out += char(c);
    else
      out += fmt::format("%{:02X}", c);
  return out;
}

} // namespace

TEST_CASE("a custom job is created and shown") {
  cluster_of_one cluster;
  auto created = cluster.http.post(jobs_path, good_job);
  REQUIRE(created.status == 200);
  CHECK(created.headers["content-type"] == "application/json; charset=utf-8");
  auto id = id_in(created);
  CHECK(id.size() == 19);
  CHECK(created.json()["state"].as<std::string>() == "JOB_STATE_QUEUED");
  CHECK(created.json()["createTime"].as<std::string>() == "2026-01-01T00:00:00.123456Z");

  auto shown = cluster.http.get(jobs_path + "/" + id);
  CHECK(shown.status == 200);
  CHECK(shown.body == created.body);
  auto pool = shown.json()["jobSpec"]["workerPoolSpecs"][0];
  CHECK(pool["replicaCount"].as<std::string>() == "1");
  CHECK(pool["containerSpec"]["args"][0].as<std::string>() == "a b");
  CHECK(cluster.http.get("/v1beta1/projects/p/locations/l/customJobs/" + id).body == created.body);

  auto commands = cluster.backend.commands();
  REQUIRE(commands.size() == 1);
  CHECK(wire::view(commands[0]->getProject()) == "p");
  CHECK(wire::view(commands[0]->getLocation()) == "l");
}

TEST_CASE("enums are numbers for a client that asks for them") {
  cluster_of_one cluster;
  auto created = cluster.http.post(jobs_path + "?$alt=json;enum-encoding=int", good_job);
  CHECK(created.body.contains("\"state\":1"));
  auto target = jobs_path + "/" + id_in(created);
  CHECK(cluster.http.get(target + "?%24alt=json%3Benum-encoding=int").body.contains("\"state\":1"));
  CHECK(cluster.http.get(target + "?alt=json&$prettyPrint=false&$.xgafv=2&key=k&fields=name").status
        == 200);
  CHECK(cluster.http.get(target).body.contains("JOB_STATE_QUEUED"));
}

TEST_CASE("a read mask leaves out the fields that it does not name") {
  cluster_of_one cluster;
  auto id = id_in(cluster.http.post(jobs_path, good_job));
  auto shown = cluster.http.get(jobs_path + "/" + id + "?readMask=name,display_name");
  CHECK(shown.json()["displayName"].as<std::string>() == "train-1");
  CHECK_FALSE(shown.json()["state"]);
  CHECK_FALSE(shown.json()["jobSpec"]);
  auto listed = cluster.http.get(jobs_path + "?read_mask=*");
  CHECK(listed.json()["customJobs"][0]["state"]);
  auto wrong = cluster.http.get(jobs_path + "?readMask=nmae");
  CHECK(status_of(wrong) == "400 INVALID_ARGUMENT");
  CHECK(message_of(wrong).contains("nmae"));
}

TEST_CASE("a job is not found by another id, project, location or collection") {
  cluster_of_one cluster;
  auto id = id_in(cluster.http.post(jobs_path, good_job));
  for (auto target : {jobs_path + "/77", jobs_path + "/abc", jobs_path + "/0" + id,
                      jobs_path + "/-1", "/v1/projects/other/locations/l/customJobs/" + id,
                      "/v1/projects/p/locations/other/customJobs/" + id, tuning_path + "/" + id,
                      jobs_path + "/99999999999999999999999"}) {
    CAPTURE(target);
    CHECK(status_of(cluster.http.get(target)) == "404 NOT_FOUND");
    CHECK(status_of(cluster.http.call("DELETE", target)) == "404 NOT_FOUND");
    CHECK(status_of(cluster.http.post(target + ":cancel", "{}")) == "404 NOT_FOUND");
    CHECK(status_of(cluster.http.get(target + ":status")) == "404 NOT_FOUND");
  }
  CHECK(cluster.backend.commands().size() == 1);
}

TEST_CASE("cancel answers with an empty object, and delete with an operation that is done") {
  cluster_of_one cluster;
  auto target = jobs_path + "/" + id_in(cluster.http.post(jobs_path, good_job));
  auto cancelled = cluster.http.post(target + ":cancel", "");
  CHECK(cancelled.status == 200);
  CHECK(cancelled.body == "{}");
  auto job = cluster.http.get(target).json();
  CHECK(job["state"].as<std::string>() == "JOB_STATE_CANCELLED");
  CHECK(job["error"]["code"].as<int>() == 1);

  auto deleted = cluster.http.call("DELETE", target);
  CHECK(deleted.status == 200);
  CHECK(deleted.json()["done"].as<bool>());
  CHECK(deleted.json()["response"]["@type"].as<std::string>()
        == "type.googleapis.com/google.protobuf.Empty");
  CHECK(status_of(cluster.http.get(target)) == "404 NOT_FOUND");
}

TEST_CASE("an invalid body is rejected with the place of the fault") {
  cluster_of_one cluster;
  auto refused = [&](std::string_view body, std::string_view part) {
    auto reply = cluster.http.post(jobs_path, body);
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
  auto commands = cluster.backend.commands();
  CHECK(commands.size() == 1); // only the last reached the controller
}

TEST_CASE("a list comes newest first, in pages that stay right when jobs are added") {
  cluster_of_one cluster;
  for (int index = 0; index < 7; ++index)
    cluster.backend.add_job(fmt::format("job-{}", index), wire::JobState::RUNNING);
  cluster.backend.add_job("elsewhere", wire::JobState::RUNNING, "q");

  auto first = cluster.http.get(jobs_path + "?pageSize=3");
  CHECK(names_in(first) == std::vector<std::string>{"job-6", "job-5", "job-4"});
  auto token = first.json()["nextPageToken"].as<std::string>();
  cluster.backend.add_job("late", wire::JobState::RUNNING);
  auto second = cluster.http.get(jobs_path + "?page_size=3&page_token=" + token);
  CHECK(names_in(second) == std::vector<std::string>{"job-3", "job-2", "job-1"});
  auto third = cluster.http.get(
      jobs_path + "?pageSize=3&pageToken=" + second.json()["nextPageToken"].as<std::string>());
  CHECK(names_in(third) == std::vector<std::string>{"job-0"});
  CHECK_FALSE(third.json()["nextPageToken"]);

  CHECK(names_in(cluster.http.get(jobs_path)).size() == 8);
  CHECK(names_in(cluster.http.get("/v1/projects/-/locations/-/customJobs")).size() == 9);
  CHECK(status_of(cluster.http.post("/v1/projects/-/locations/l/customJobs", good_job))
        == "400 INVALID_ARGUMENT");
  CHECK(names_in(cluster.http.get("/v1/projects/q/locations/l/customJobs")).size() == 1);
}

TEST_CASE("an invalid page size or token is rejected") {
  cluster_of_one cluster;
  for (int index = 0; index < 3; ++index)
    cluster.backend.add_job("j", wire::JobState::RUNNING);
  auto token =
      cluster.http.get(jobs_path + "?pageSize=1").json()["nextPageToken"].as<std::string>();
  auto changed = token;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  for (auto query :
       {std::string("pageSize=-1"), std::string("pageSize=x"), std::string("pageToken=garbage"),
        "pageToken=" + changed, "pageToken=" + token.substr(1), "pageToken=" + token + "A",
        "filter=state%3D3&pageToken=" + token}) {
    CAPTURE(query);
    CHECK(status_of(cluster.http.get(jobs_path + "?" + query)) == "400 INVALID_ARGUMENT");
  }
  CHECK(status_of(cluster.http.get(tuning_path + "?pageToken=" + token)) == "400 INVALID_ARGUMENT");
  CHECK(names_in(cluster.http.get(jobs_path + "?pageSize=0")).size() == 3);
  CHECK(names_in(cluster.http.get(jobs_path + "?pageSize=5000")).size() == 3);
}

TEST_CASE("a list has only the jobs that match its filter") {
  cluster_of_one cluster;
  cluster.backend.add_job("bert-a", wire::JobState::SUCCEEDED, "p", "l", {{"team", "nlp"}});
  cluster.backend.add_job("bert-b", wire::JobState::FAILED);
  cluster.backend.add_job("vit", wire::JobState::SUCCEEDED, "p", "l", {{"team", "vision"}});
  auto found = [&](std::string_view filter) {
    auto reply = cluster.http.get(jobs_path + "?filter=" + encoded(filter));
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
  auto wrong = cluster.http.get(jobs_path + "?filter=" + encoded("colour=red"));
  CHECK(status_of(wrong) == "400 INVALID_ARGUMENT");
  CHECK(message_of(wrong).contains("position 1"));
}

TEST_CASE("a list with a rare match ends pages early instead of reading all rows at once") {
  cluster_of_one cluster;
  cluster.backend.add_job("needle", wire::JobState::RUNNING);
  for (int index = 0; index < 5200; ++index)
    cluster.backend.add_job("hay", wire::JobState::RUNNING);
  auto first = cluster.http.get(jobs_path + "?filter=display_name%3Dneedle");
  CHECK(names_in(first).empty());
  auto token = first.json()["nextPageToken"].as<std::string>();
  auto second = cluster.http.get(jobs_path + "?filter=display_name%3Dneedle&pageToken=" + token);
  CHECK(names_in(second) == std::vector<std::string>{"needle"});
}

} // namespace troupe::api::test
