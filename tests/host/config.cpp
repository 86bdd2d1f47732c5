#include "host/config.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <random>

using namespace troupe;
using namespace troupe::host;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view smallest_agent = R"(data_directory: data
controller: head:7801
tls: {certificate: a.pem, key: a.key, authority: ca.pem}
)";

// __FILE__ counts from the build directory, in which this program lies two folders deep.
fs::path example(std::string_view name) {
  const auto build = fs::read_symlink("/proc/self/exe").parent_path() / "../..";
  return (build / __FILE__).parent_path() / "../../configs" / name;
}

template <class Config>
std::string refusal(result<Config> config) {
  REQUIRE_FALSE(config);
  return config.error().message;
}

std::string controller_refusal(std::string_view text) {
  return refusal(parse_controller_config(text, "c.yaml"));
}

std::string agent_refusal(std::string_view more) {
  return refusal(parse_agent_config(std::string(smallest_agent) + std::string(more), "a.yaml"));
}

std::string cluster_refusal(std::string_view text) {
  return refusal(parse_cluster_config(text, "u.yaml"));
}

} // namespace

TEST_CASE("configs/controller.yaml is accepted with every key in it") {
  auto config = read_controller_config(example("controller.yaml"));
  REQUIRE_MESSAGE(config, config.error().message);
  CHECK(config->data_directory == "/var/lib/troupe/controller");
  CHECK(config->api_listen == "127.0.0.1:8080");
  CHECK(config->link_listen == "0.0.0.0:7801");
  REQUIRE(config->tls);
  CHECK(config->tls->key == "/etc/troupe/controller-key.pem");
  CHECK(config->machines.types.size() == 3);
  CHECK(config->machines.types.at("half-node")
        == core::amounts{16000, uint64_t(64) << 30, 4, wire::AcceleratorType::H10080GB});
  CHECK(config->machines.types.at("*").cpu_millis == 500);
  CHECK(config->node_lost_after == 60s);
  CHECK(config->termination_grace == 30s);
  CHECK(config->project == "local");
}

TEST_CASE("configs/agent.yaml is accepted with every key in it") {
  auto config = read_agent_config(example("agent.yaml"));
  REQUIRE_MESSAGE(config, config.error().message);
  CHECK(config->name == "node-1");
  CHECK(config->controller == "controller.example.com:7801");
  CHECK(config->controller_name == "controller");
  REQUIRE(config->tls);
  CHECK(config->tls->authority == "/etc/troupe/authority.pem");
  CHECK(config->address == "10.0.0.11");
  CHECK(config->cpu_millis == 30000);
  CHECK(config->memory_bytes == uint64_t(240) << 30);
  CHECK(config->gpus == 8);
  CHECK(config->gpu_type == wire::AcceleratorType::H10080GB);
  CHECK(config->images.at("example.com/training/*") == "host");
  CHECK(config->buckets.at("experiments") == "/mnt/shared/experiments");
  CHECK(config->port_first == 20000);
  CHECK(config->port_last == 20999);
  CHECK(config->log_bytes_max == 256 << 20);
}

TEST_CASE("configs/embedded.yaml is accepted with every key in it") {
  auto config = read_cluster_config(example("embedded.yaml"));
  REQUIRE_MESSAGE(config, config.error().message);
  CHECK(config->controller.link_listen.empty());
  CHECK_FALSE(config->controller.tls);
  CHECK(config->controller.termination_grace == 10s);
  CHECK(config->agent.cpu_millis == 8000);
  CHECK_FALSE(config->agent.name.empty());
  CHECK(config->agent.address == "127.0.0.1");
  CHECK(config->agent.buckets.at("models").is_absolute());
}

TEST_CASE("a minimal configuration is accepted and gets the defaults") {
  auto agent = parse_agent_config(smallest_agent, "/etc/troupe/a.yaml");
  REQUIRE_MESSAGE(agent, agent.error().message);
  CHECK(agent->data_directory == "/etc/troupe/data");
  CHECK(agent->tls->certificate == "/etc/troupe/a.pem");
  CHECK(agent->address == agent->name);
  CHECK_FALSE(agent->cpu_millis);
  CHECK_FALSE(agent->gpus);
  for (std::string_view text : {"", "# nothing\n", "controller:\nagent:\n", "agent: {}"}) {
    auto cluster = parse_cluster_config(text, "u.yaml");
    REQUIRE_MESSAGE(cluster, cluster.error().message);
    CHECK_FALSE(cluster->agent.name.empty());
    CHECK(cluster->controller.link_listen.empty());
    CHECK(cluster->controller.data_directory.empty());
    CHECK(cluster->controller.api_listen == "127.0.0.1:8080");
  }
}

TEST_CASE("all problems of a file are reported together, each with its place") {
  CHECK(controller_refusal(
            "data_directry: /x\napi: {lisen: 1}\nlink: [1]\ntls: {certificate: a, key: b, "
            "authority: c}\n"
            "termination_grace: 30\nmachine_types:\n  big:\n    cpus: some\n    memory: 64\n")
        == "c.yaml:1:1: data_directory: missing; expected the path of a directory\n"
           "c.yaml:2:7: api.lisen: unknown key; did you mean listen?\n"
           "c.yaml:3:7: link: got an array; expected a mapping\n"
           "c.yaml:8:11: machine_types.big.cpus: got some; expected a number of CPUs with at most "
           "three decimals, such as "
           "4 or 0.5\n"
           "c.yaml:9:13: machine_types.big.memory: got 64; expected a size with its unit, such as "
           "64GiB or 512MiB\n"
           "c.yaml:5:20: termination_grace: got 30; expected a duration with its unit, such as 30s "
           "or 500ms\n"
           "c.yaml:1:1: data_directry: unknown key; did you mean data_directory?");
}

TEST_CASE("missing required keys are reported") {
  const auto message = refusal(parse_agent_config("name: n", "a.yaml"));
  CHECK(message.find("a.yaml:1:1: data_directory: missing") != message.npos);
  CHECK(message.find("a.yaml:1:1: controller: missing; expected host:port") != message.npos);
  CHECK(message.find("a.yaml:1:1: tls: missing; expected the files certificate, key and authority")
        != message.npos);
  CHECK(controller_refusal("data_directory: d").starts_with("c.yaml:1:1: tls: missing"));
  CHECK(controller_refusal("data_directory: d\ntls: {key: k}")
        == "c.yaml:2:6: tls.certificate: missing; expected the path of a PEM file\n"
           "c.yaml:2:6: tls.authority: missing; expected the path of a PEM file");
}

TEST_CASE(
    "a cluster in one process refuses a link and its certificates, and says what to run instead") {
  for (std::string_view key : {"link: {listen: '0.0.0.0:7801'}", "tls: {certificate: a}"}) {
    const auto message = cluster_refusal(fmt::format("controller: {{{}}}", key));
    CHECK_MESSAGE(message
                      == fmt::format("u.yaml:1:{}: controller.{}: `troupe up` serves this machine "
                                     "alone; expected no such key; for nodes on other machines run "
                                     "`troupe controller` and `troupe agent`",
                                     key.starts_with("link") ? 20 : 19,
                                     key.substr(0, key.find(':'))),
                  message);
  }
}

TEST_CASE("a cluster in one process keeps the directories and the address that its file names") {
  auto config = parse_cluster_config("controller: {data_directory: c}\n"
                                     "agent: {data_directory: a, address: 127.0.0.2}",
                                     "/etc/troupe/u.yaml");
  REQUIRE_MESSAGE(config, config.error().message);
  CHECK(config->controller.data_directory == "/etc/troupe/c");
  CHECK(config->agent.data_directory == "/etc/troupe/a");
  CHECK(config->agent.address == "127.0.0.2");
}

TEST_CASE("an agent in the controller's process refuses keys that only a remote agent has") {
  CHECK(cluster_refusal("agent: {controller: 'head:7801'}")
            .starts_with("u.yaml:1:9: agent.controller: unknown key"));
  CHECK(cluster_refusal("controler: {}")
        == "u.yaml:1:1: controler: unknown key; did you mean controller?");
}

TEST_CASE("values out of range are rejected with their place") {
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"ports: 20000",
       "a.yaml:4:8: ports: got 20000; expected a range of ports above 0, such as 20000-20999"},
      {"ports: 2-1", "a.yaml:4:8: ports: got 2-1"},
      {"ports: 0-10", "a.yaml:4:8: ports: got 0-10"},
      {"ports: 1-65536", "a.yaml:4:8: ports: got 1-65536"},
      {"name: 'a b'", "a.yaml:4:7: name: got \"a b\"; expected 1 to 64 letters"},
      {"address: ''", "a.yaml:4:10: address: got \"\"; expected a host name or an IP address"},
      {"images: {x: docker}", "a.yaml:4:13: images.x: got docker; expected host"},
      {"images: {'a*b': host}", "a.yaml:4:17: images.a*b: not an image; expected an imageUri"},
      {"images: {x: }", "a.yaml:4:10: images.x: has no value"},
      {"buckets: {a/b: /x}", "a.yaml:4:16: buckets.a/b: not a bucket's name"},
      {"buckets: {a: []}",
       "a.yaml:4:14: buckets.a: got an array; expected the path of a directory"},
      {"log_bytes_max: 0B", "a.yaml:4:16: log_bytes_max: got 0B; expected a size"},
      {"resources: {gpus: 1}",
       "a.yaml:4:12: resources.gpu_type: missing; expected one of NVIDIA_TESLA_K80, "},
      {"resources: {gpus: -1}", "a.yaml:4:19: resources.gpus: got -1; expected a whole number"},
      {"resources: {gpu_type: TPU_V2}",
       "a.yaml:4:23: resources.gpu_type: got TPU_V2; expected one of NVIDIA_"},
      {"resources: {cpus: 0}", "a.yaml:4:19: resources.cpus: got 0; expected a number of CPUs"},
      {"resources: {cpus: 0.0001}",
       "a.yaml:4:19: resources.cpus: got 0.0001; expected a number of CPUs"},
  };
  for (auto [text, start] : bad)
    CHECK_MESSAGE(agent_refusal(text).starts_with(start), agent_refusal(text));
  for (std::string_view endpoint :
       {"head", "head:", ":80", "head:0", "head:65536", "head:x", "a:b:80", "[]:80", "1"})
    CHECK(refusal(parse_agent_config(fmt::format("data_directory: d\ncontroller: '{}'\n"
                                                 "tls: {{certificate: a, key: b, authority: c}}",
                                                 endpoint),
                                     "a.yaml"))
          == fmt::format(
              "a.yaml:2:13: controller: got \"{}\"; expected host:port, such as 127.0.0.1:8080",
              endpoint));
  CHECK(cluster_refusal(
            "controller: {machine_types: {m: {cpus: 1, memory: 1GiB, gpu_type: NVIDIA_L4}}}")
            .find("controller.machine_types.m.gpu_type: given without GPUs")
        != std::string::npos);
}

TEST_CASE("an IPv6 address and port 0 are accepted as an address to listen on") {
  auto config = parse_cluster_config("controller: {api: {listen: '[::1]:0'}}", "u.yaml");
  REQUIRE(config);
  CHECK(config->controller.api_listen == "[::1]:0");
}

TEST_CASE(
    "a missing file, a directory and a file that is not a mapping each get a different error") {
  CHECK(refusal(read_agent_config("/nonexistent/a.yaml"))
        == "cannot read the config file /nonexistent/a.yaml: No such file or directory");
  CHECK(read_agent_config("/nonexistent/a.yaml").error().code == errc::not_found);
  CHECK(refusal(read_agent_config("/")) == "/: expected a config file, got a directory");
  CHECK(controller_refusal("- 1") == "c.yaml: expected a mapping of keys to values, got an array");
  CHECK(controller_refusal("a: {").starts_with("c.yaml:1:"));
}

TEST_CASE("no damaged file crashes or throws") {
  std::mt19937_64 random(9);
  const std::string whole =
      "controller: {api: {listen: '127.0.0.1:80'}, machine_types: {m: {cpus: 1, memory: 1GiB}},"
      " node_lost_after: 60s}\nagent: {ports: 1-2, buckets: {a: b}, images: {x*: host}}\n";
  for (int i = 0; i < 2000; ++i) {
    auto damaged = whole;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    if (auto config = parse_cluster_config(damaged, "u.yaml"); !config)
      CHECK(config.error().message.starts_with("u.yaml"));
  }
}
