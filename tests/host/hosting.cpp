#include "host/hosting.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::host;
using namespace std::chrono_literals;

namespace {

const link::identity pem_files{
    .certificate = "/etc/c.pem", .key = "/etc/c.key", .authority = "/etc/ca.pem"};

const installation installed{.troupe = "/opt/bin/troupe",
                             .shim = "/opt/libexec/troupe-shim",
                             .library = "/opt/lib/libtroupe.so",
                             .python = "/opt/python"};

} // namespace

TEST_CASE("a controller gets what its configuration says") {
  controller_config config;
  config.data_directory = "/data";
  config.api_listen = "127.0.0.1:1";
  config.project = "p";
  config.location = "l";
  config.machines.types["*"] = {.cpu_millis = 500};
  config.node_lost_after = 5s;
  config.termination_grace = 7s;
  auto options = options_of(config);
  CHECK(options.data_directory == "/data");
  CHECK(options.api_listen == "127.0.0.1:1");
  CHECK(options.project == "p");
  CHECK(options.location == "l");
  CHECK(options.core.machines.types.at("*").cpu_millis == 500);
  CHECK(options.core.node_lost_after == 5s);
  CHECK(options.core.termination_grace == 7s);
}

TEST_CASE("a controller opens a gateway for agents when it has an address and certificates") {
  controller_config config;
  config.link_listen = "0.0.0.0:7801";
  config.tls = pem_files;
  auto options = options_of(config);
  REQUIRE(options.gateway);
  CHECK(options.gateway->listen == "0.0.0.0:7801");
  CHECK(options.gateway->identity.key == "/etc/c.key");

  config.tls.reset();
  CHECK_FALSE(options_of(config).gateway);
  config.tls = pem_files;
  config.link_listen.clear();
  CHECK_FALSE(options_of(config).gateway);
}

TEST_CASE("an agent gets what its configuration says") {
  agent_config config;
  config.data_directory = "/node";
  config.name = "n1";
  config.address = "10.0.0.1";
  config.cpu_millis = 4000;
  config.memory_bytes = 1 << 30;
  config.gpus = 2;
  config.gpu_type = wire::AcceleratorType::TESLA_T4;
  config.port_first = 1000;
  config.port_last = 1010;
  config.images["a"] = "host";
  config.buckets["b"] = "/buckets/b";
  config.log_bytes_max = 4096;
  auto options = options_of(config, installed);
  CHECK(options.runtime.directory == "/node");
  CHECK(options.name == "n1");
  CHECK(options.address == "10.0.0.1");
  CHECK(options.cpu_millis == 4000);
  CHECK(options.memory_bytes == 1 << 30);
  CHECK(options.gpus == 2);
  CHECK(options.gpu_type == wire::AcceleratorType::TESLA_T4);
  CHECK(options.port_first == 1000);
  CHECK(options.port_last == 1010);
  CHECK(options.runtime.images.at("a") == "host");
  CHECK(options.runtime.buckets.at("b") == "/buckets/b");
  CHECK(options.runtime.log_bytes_max == 4096);
}

TEST_CASE("an agent's replicas use the files of the installation") {
  auto options = options_of(agent_config{}, installed);
  CHECK(options.runtime.troupe == installed.troupe);
  CHECK(options.runtime.shim == installed.shim);
  CHECK(options.runtime.library == installed.library);
  CHECK(options.runtime.python_path == installed.python);
}

TEST_CASE("what an agent's configuration leaves out is detected or has its default") {
  auto options = options_of(agent_config{}, installed);
  CHECK(options.address == "127.0.0.1");
  CHECK_FALSE(options.cpu_millis);
  CHECK_FALSE(options.memory_bytes);
  CHECK_FALSE(options.gpus);
  CHECK(options.gpu_type == wire::AcceleratorType::UNSPECIFIED);
}
