#include "api/backend/lookup.hpp"

#include "tests/api/direct_cluster.hpp"

namespace troupe::api::test {

namespace {

result<wire::frame<wire::CustomJob>> job_at(direct_cluster& cluster, const resource_path& path) {
  return resource_at<wire::CustomJob>(cluster.handler_context, store::family::custom_jobs,
                                      "customJobs", path);
}

} // namespace

TEST_CASE("a resource is found by its id, its project and its location") {
  direct_cluster cluster;
  auto id = std::to_string(cluster.backend.add_job("j", wire::JobState::RUNNING, "p", "l"));
  auto job = job_at(cluster, {{"p", "l"}, id});
  REQUIRE(job);
  CHECK(wire::view((*job)->getDisplayName()) == "j");
  for (const project_location& other :
       {project_location{"q", "l"}, project_location{"p", "m"}, project_location{"-", "l"}}) {
    CAPTURE(other.name());
    auto missing = job_at(cluster, {other, id});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == errc::not_found);
  }
}

TEST_CASE("an id that is not a number is not found") {
  direct_cluster cluster;
  auto missing = job_at(cluster, {{"p", "l"}, "abc"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);
}

TEST_CASE("the error names the resource and this cluster's project") {
  direct_cluster cluster({.project = "mine", .location = "here"});
  auto missing = job_at(cluster, {{"p", "l"}, "7"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.starts_with("projects/p/locations/l/customJobs/7 does not exist"));
  CHECK(missing.error().message.contains("projects/mine/locations/here"));
}

TEST_CASE("a stored frame is read, or nothing if its key does not exist") {
  direct_cluster cluster;
  auto id = cluster.backend.add_job("j", wire::JobState::RUNNING);
  auto read = [&](uint64_t job) {
    return stored<wire::CustomJob>(cluster.backend.database(), store::family::custom_jobs,
                                   store::key_of(job));
  };
  REQUIRE(read(id));
  CHECK(*read(id));
  REQUIRE(read(id + 1));
  CHECK_FALSE(*read(id + 1));
}

TEST_CASE("a damaged record is reported with its family and key") {
  auto database = store::in_memory();
  store::batch changes;
  changes.put(store::family::custom_jobs, store::key_of(7), "not a frame");
  REQUIRE(database->commit(changes));
  auto job = stored<wire::CustomJob>(*database, store::family::custom_jobs, store::key_of(7));
  REQUIRE_FALSE(job);
  CHECK(job.error().code == errc::data_loss);
  CHECK(job.error().message.contains(store::key_of(7)));
}

} // namespace troupe::api::test
