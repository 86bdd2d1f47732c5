#include "runtime/environment.hpp"

#include "tests/runtime/test_node.hpp"
#include "wire/json.hpp"

#include <algorithm>

using namespace troupe;
using namespace troupe::runtime;

namespace {

using strings = std::vector<std::string>;

strings platform(const wire::frame<wire::Launch>& order, replica_key replica,
                 const node_settings& node = {}) {
  replica.job = 4711;
  return platform_environment(*order, replica, node, {"/m/output.metrics", {}}).list();
}

std::string spec_json(const wire::frame<wire::Launch>& order) {
  return wire::to_json<wire::CustomJobSpec>(order->getSpec());
}

/// Every replica gets a port of its own, as the placement does it.
void number_ports(wire::Launch::Builder order) {
  uint16_t port = 7000;
  for (auto pool : order.getPools())
    for (auto endpoint : pool.getEndpoints())
      endpoint.setPort(port++);
}

job pools_of(std::vector<uint32_t> counts) {
  job out;
  for (auto count : counts)
    out.pools.push_back({{"train"}, "host", count});
  return out;
}

} // namespace

TEST_CASE("a job with one replica has the environment of a single machine") {
  auto order = order_of(pools_of({1}), number_ports);
  CHECK(
      spec_json(order)
      == R"({"workerPoolSpecs":[{"replicaCount":"1","containerSpec":{"imageUri":"host","command":["train"]}}]})");
  CHECK(platform(order, {})
        == strings{
            R"(CLUSTER_SPEC={"cluster":{"workerpool0":["127.0.0.1:7000"]},"environment":"cloud",)"
            R"("task":{"type":"workerpool0","index":0},"job":)"
                + spec_json(order) + "}",
            "CLOUD_ML_JOB_ID=4711", "CLOUD_ML_PROJECT_ID=p", "CLOUD_ML_REGION=local",
            "MASTER_ADDR=127.0.0.1", "MASTER_PORT=7000", "RANK=0", "WORLD_SIZE=1"});
}

TEST_CASE("a replica sees the GPUs that are its own, and no others") {
  auto order = order_of(pools_of({1}), [](wire::Launch::Builder launch) {
    number_ports(launch);
    auto indices = launch.getPools()[0].getEndpoints()[0].initGpuIndices(2);
    indices.set(0, 1);
    indices.set(1, 3);
  });
  auto found = platform(order, {});
  CHECK(std::ranges::find(found, "CUDA_VISIBLE_DEVICES=1,3") != found.end());
}

TEST_CASE("a job with every kind of pool has TF_CONFIG, CLUSTER_SPEC and PyTorch's variables") {
  auto order = order_of(pools_of({1, 2, 1, 1}), number_ports);
  std::string cluster =
      R"("cluster":{"workerpool0":["127.0.0.1:7000"],"workerpool1":["127.0.0.1:7001","127.0.0.1:7002"],)"
      R"("workerpool2":["127.0.0.1:7003"],"workerpool3":["127.0.0.1:7004"]},"environment":"cloud",)";
  std::string tf_cluster =
      R"("cluster":{"chief":["127.0.0.1:7000"],"worker":["127.0.0.1:7001","127.0.0.1:7002"],)"
      R"("ps":["127.0.0.1:7003"]},"environment":"cloud",)";
  auto job = R"("job":)" + spec_json(order) + "}";
  CHECK(platform(order, {.pool = 1, .index = 1})
        == strings{"CLUSTER_SPEC={" + cluster + R"("task":{"type":"workerpool1","index":1},)" + job,
                   "TF_CONFIG={" + tf_cluster + R"("task":{"type":"worker","index":1},)" + job,
                   "CLOUD_ML_JOB_ID=4711", "CLOUD_ML_PROJECT_ID=p", "CLOUD_ML_REGION=local",
                   "MASTER_ADDR=127.0.0.1", "MASTER_PORT=7000", "RANK=2", "WORLD_SIZE=4"});
  // A parameter server has a rank, an evaluator has none and stands outside TensorFlow's cluster.
  auto server = platform(order, {.pool = 2});
  CHECK(server[1] == "TF_CONFIG={" + tf_cluster + R"("task":{"type":"ps","index":0},)" + job);
  CHECK(server.back() == "WORLD_SIZE=4");
  CHECK(server[server.size() - 2] == "RANK=3");
  CHECK(platform(order, {.pool = 3})
        == strings{"CLUSTER_SPEC={" + cluster + R"("task":{"type":"workerpool3","index":0},)" + job,
                   "TF_CONFIG={" + tf_cluster + R"("task":{"type":"evaluator","index":0},)" + job,
                   "CLOUD_ML_JOB_ID=4711", "CLOUD_ML_PROJECT_ID=p", "CLOUD_ML_REGION=local"});
}

TEST_CASE("a job with reducers has the variables of the reduction tier") {
  auto jobs = pools_of({1, 1, 2});
  jobs.pools[2].reducers = true;
  auto order = order_of(jobs, number_ports);
  std::string cluster =
      R"("cluster":{"workerpool0":["127.0.0.1:7000"],"workerpool1":["127.0.0.1:7001"],)"
      R"("workerpool2":["127.0.0.1:7002","127.0.0.1:7003"]},"environment":"cloud",)";
  std::string tf_cluster =
      R"("cluster":{"chief":["127.0.0.1:7000"],"worker":["127.0.0.1:7001"]},"environment":"cloud",)";
  auto job = R"("job":)" + spec_json(order) + "}";
  CHECK(platform(order, {.attempt = 1, .pool = 1})
        == strings{"CLUSTER_SPEC={" + cluster + R"("task":{"type":"workerpool1","index":0},)" + job,
                   "TF_CONFIG={" + tf_cluster + R"("task":{"type":"worker","index":0},)" + job,
                   "CLOUD_ML_JOB_ID=4711", "CLOUD_ML_PROJECT_ID=p", "CLOUD_ML_REGION=local",
                   "MASTER_ADDR=127.0.0.1", "MASTER_PORT=7000", "RANK=1", "WORLD_SIZE=2",
                   "TROUPE_REDUCERS=127.0.0.1:7002,127.0.0.1:7003", "TROUPE_JOB=4711",
                   "TROUPE_ATTEMPT=1", "TROUPE_TOKEN=secret"});
  CHECK(platform(order, {.attempt = 1, .pool = 2, .index = 1})
        == strings{"CLUSTER_SPEC={" + cluster + R"("task":{"type":"workerpool2","index":1},)" + job,
                   "CLOUD_ML_JOB_ID=4711", "CLOUD_ML_PROJECT_ID=p", "CLOUD_ML_REGION=local",
                   "TROUPE_LISTEN=127.0.0.1:7003", "TROUPE_JOB=4711", "TROUPE_ATTEMPT=1",
                   "TROUPE_TOKEN=secret", "TROUPE_WORLD_SIZE=2"});
}

TEST_CASE("a trial that writes to a bucket finds the bucket's directory in its variables") {
  auto jobs = pools_of({1});
  jobs.trial = "3";
  jobs.output = "gs://models/digits/3";
  auto order = order_of(jobs, [](wire::Launch::Builder out) {
    number_ports(out);
    out.getSpec().setTensorboard("projects/p/locations/l/tensorboards/7");
    out.getSpec().setExperiment("projects/p/locations/l/metadataStores/default/contexts/digits");
    out.getSpec().setExperimentRun(
        "projects/p/locations/l/metadataStores/default/contexts/digits-a");
  });
  strings rest = {
      R"(CLUSTER_SPEC={"cluster":{"workerpool0":["127.0.0.1:7000"]},"environment":"cloud",)"
      R"("task":{"type":"workerpool0","index":0,"trial":"3"},"job":)"
          + spec_json(order) + "}",
      "CLOUD_ML_JOB_ID=4711",
      "CLOUD_ML_PROJECT_ID=p",
      "CLOUD_ML_REGION=local",
      "CLOUD_ML_TRIAL_ID=3",
      "CLOUD_ML_HP_METRIC_FILE=/m/output.metrics",
      "AIP_TENSORBOARD_RESOURCE_NAME=projects/p/locations/l/tensorboards/7",
      "AIP_EXPERIMENT_NAME=digits",
      "AIP_EXPERIMENT_RUN_NAME=digits-a",
      "MASTER_ADDR=127.0.0.1",
      "MASTER_PORT=7000",
      "RANK=0",
      "WORLD_SIZE=1"};
  strings remote = {"AIP_MODEL_DIR=gs://models/digits/3/model/",
                    "AIP_CHECKPOINT_DIR=gs://models/digits/3/checkpoints/",
                    "AIP_TENSORBOARD_LOG_DIR=gs://models/digits/3/logs/"};
  strings local = {"AIP_MODEL_DIR=/srv/models/digits/3/model/",
                   "AIP_CHECKPOINT_DIR=/srv/models/digits/3/checkpoints/",
                   "AIP_TENSORBOARD_LOG_DIR=/srv/models/digits/3/logs/"};
  remote.insert(remote.end(), rest.begin(), rest.end());
  local.insert(local.end(), rest.begin(), rest.end());
  CHECK(platform(order, {}) == remote);
  CHECK(platform(order, {}, {.buckets = {{"models", "/srv/models"}}}) == local);
}

TEST_CASE("a job's own variables override the node's, and the platform's override those") {
  auto jobs = pools_of({1});
  jobs.output = "/out/";
  jobs.pools[0].variables = {
      {"FIRST", "1"},        {"SECOND", "$(FIRST)2"},        {"LATER", "$(LAST)"},
      {"LAST", "$$(FIRST)"}, {"MODEL", "$(AIP_MODEL_DIR)x"}, {"RANK", "99"},
      {"HOME", "/mine"},     {"PYTHONPATH", "/theirs"},      {"PYTHONUNBUFFERED", ""}};
  auto order = order_of(jobs, number_ports);
  node_settings node{.python_path = "/opt/troupe/python", .library = "/opt/troupe/libtroupe.so"};
  auto all =
      environment_of(*order, {}, node, {{}, "/packages"}, {"PATH=/bin", "HOME=/root", "broken"});
  CHECK(all.find("SECOND") == "12");
  CHECK(all.find("LATER") == "$(LAST)");
  CHECK(all.find("LAST") == "$(FIRST)");
  CHECK(all.find("MODEL") == "/out/model/x");
  CHECK(all.find("RANK") == "0");
  CHECK(all.find("HOME") == "/mine");
  CHECK(all.find("PATH") == "/bin");
  CHECK(all.find("PYTHONUNBUFFERED") == "");
  CHECK(all.find("PYTHONPATH") == "/packages:/opt/troupe/python:/theirs");
  CHECK(all.find("TROUPE_LIB") == "/opt/troupe/libtroupe.so");
  CHECK(all.find("broken") == std::nullopt);
}

TEST_CASE("an IPv6 address keeps its colons apart from the port's") {
  auto order = order_of(pools_of({1, 1}), [](wire::Launch::Builder out) {
    number_ports(out);
    out.getPools()[0].getEndpoints()[0].setHost("fd00::1");
  });
  CHECK(platform(order, {})[0].find(R"("workerpool0":["[fd00::1]:7000"])") != std::string::npos);
}
