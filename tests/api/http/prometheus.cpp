#include "api/http/prometheus.hpp"

#include "tests/api/direct_cluster.hpp"
#include "tests/api/fixture.hpp"

namespace troupe::api::test {

TEST_CASE("metrics count jobs, studies, nodes and requests") {
  direct_cluster cluster;
  cluster.backend.add_job("j", wire::JobState::RUNNING);
  cluster.backend.add_job("k", wire::JobState::RUNNING);
  cluster.backend.add_tuning_job([](auto job) { job.setState(wire::JobState::FAILED); });
  cluster.backend.add_study("s");
  cluster.counts.add(404);
  auto response = cluster.get("/metrics");
  CHECK(response.status == 200);
  CHECK(response.content_type.starts_with("text/plain; version=0.0.4"));
  for (auto line :
       {"# TYPE troupe_jobs gauge\n",
        "troupe_jobs{kind=\"customJobs\",state=\"JOB_STATE_RUNNING\"} 2\n",
        "troupe_jobs{kind=\"hyperparameterTuningJobs\",state=\"JOB_STATE_FAILED\"} 1\n",
        "troupe_studies{state=\"ACTIVE\"} 1\n", "# TYPE troupe_http_requests_total counter\n",
        "troupe_http_requests_total{code=\"404\"} 1\n"}) {
    CAPTURE(line);
    CHECK(response.body.contains(line));
  }
}

TEST_CASE("a state that no job is in is counted as zero") {
  direct_cluster cluster;
  auto text = cluster.get("/metrics").body;
  CHECK(text.contains("troupe_jobs{kind=\"customJobs\",state=\"JOB_STATE_QUEUED\"} 0\n"));
  CHECK(text.contains("troupe_nodes{state=\"lost\"} 0\n"));
}

TEST_CASE("a node is connected, quarantined or lost") {
  direct_cluster cluster;
  auto add = [&](const std::string& name, bool connected, const std::string& quarantine) {
    cluster.backend.set_node(name, [&](wire::NodeRecord::Builder node) {
      node.setConnected(connected);
      node.setQuarantine(quarantine);
    });
  };
  add("a", true, "");
  add("b", true, "broken");
  add("c", false, "broken");
  add("d", false, "");
  auto text = cluster.get("/metrics").body;
  CHECK(text.contains("troupe_nodes{state=\"connected\"} 1\n"));
  CHECK(text.contains("troupe_nodes{state=\"quarantined\"} 1\n"));
  CHECK(text.contains("troupe_nodes{state=\"lost\"} 2\n"));
}

TEST_CASE("the server's own requests are counted") {
  cluster_of_one cluster;
  cluster.http.get("/v1/nowhere");
  cluster.backend.add_job("j", wire::JobState::RUNNING);
  auto metrics = cluster.http.get("/metrics").body;
  CHECK(metrics.contains("troupe_jobs{kind=\"customJobs\",state=\"JOB_STATE_RUNNING\"} 1\n"));
  CHECK(metrics.contains("troupe_http_requests_total{code=\"404\"} 1\n"));
}

} // namespace troupe::api::test
