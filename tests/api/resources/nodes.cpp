#include "tests/api/fixture.hpp"

namespace troupe::api::test {

TEST_CASE("a node is shown with its resources and what is allocated of them") {
  cluster_of_one cluster;
  cluster.backend.set_node("n1", [](wire::NodeRecord::Builder node) {
    node.initHello().setName("n1");
    node.getHello().setAddress("10.0.0.1");
    node.getHello().initResources().setCpuMillis(4000);
    node.getHello().getResources().setGpus(2);
    node.setConnected(true);
    node.setLastSeenMicros(new_year_micros);
    node.initAllocated().setCpuMillis(1000);
  });
  auto node = cluster.http.get("/v1/projects/p/locations/l/nodes").json()["nodes"][0];
  CHECK(node["name"].as<std::string>() == "n1");
  CHECK(node["connected"].as<bool>());
  CHECK(node["resources"]["cpuMillis"].as<std::string>() == "4000");
  CHECK(node["resources"]["gpus"].as<int>() == 2);
  CHECK(node["allocated"]["cpuMillis"].as<std::string>() == "1000");
  CHECK(node["lastSeen"].as<std::string>() == "2026-01-01T00:00:00Z");
}

TEST_CASE("a node with GPUs is shown with their type, and a node in quarantine with the reason") {
  cluster_of_one cluster;
  cluster.backend.set_node("n1", [](wire::NodeRecord::Builder node) {
    node.initHello().setName("n1");
    node.getHello().initResources().setGpus(1);
    node.getHello().getResources().setGpuType(wire::AcceleratorType::TESLA_T4);
    node.setQuarantine("a process outlived its kill deadline");
  });
  cluster.backend.set_node("n2", [](wire::NodeRecord::Builder node) { node.initHello(); });
  auto nodes = cluster.http.get("/v1/projects/p/locations/l/nodes").json()["nodes"];
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0]["resources"]["gpuType"].as<std::string>() == "NVIDIA_TESLA_T4");
  CHECK(nodes[0]["quarantine"].as<std::string>() == "a process outlived its kill deadline");
  CHECK_FALSE(nodes[1]["resources"]["gpuType"]);
}

} // namespace troupe::api::test
