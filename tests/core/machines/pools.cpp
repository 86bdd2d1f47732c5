#include "core/machines/pools.hpp"

#include "wire/frame.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::core;

namespace {

using pool = wire::WorkerPoolSpec;

wire::frame<pool> pool_with(std::string_view image, int64_t replicas) {
  return wire::frame<pool>::build([&](pool::Builder builder) {
    builder.setReplicaCount(replicas);
    if (!image.empty()) builder.initContainerSpec().setImageUri(std::string(image).c_str());
  });
}

} // namespace

TEST_CASE("the reduction server is known by its image, whatever its tag") {
  for (auto image :
       {"troupe/reductionserver", "troupe/reductionserver:latest",
        "us-docker.pkg.dev/vertex-ai-restricted/training/reductionserver:latest",
        "europe-docker.pkg.dev/vertex-ai-restricted/training/reductionserver",
        "localhost:5000/training/reductionserver:2", "localhost:5000/training/reductionserver",
        "troupe/reductionserver@sha256:0123"}) {
    CAPTURE(image);
    CHECK(is_reducer_image(image));
  }
  for (auto image : {"", "reductionserver", "my/troupe/reductionserver", "troupe/reductionserver2",
                     "training/reductionserver/other", "gcr.io/p/trainer:reductionserver",
                     "host/xtraining/reductionserver"}) {
    CAPTURE(image);
    CHECK_FALSE(is_reducer_image(image));
  }
  CHECK(is_reducer_pool(*pool_with("troupe/reductionserver", 1)));
  CHECK_FALSE(is_reducer_pool(*pool_with("trainer", 1)));
  CHECK_FALSE(is_reducer_pool(*pool_with("", 1)));
}

TEST_CASE("a pool is empty only when nothing is set, and an absent count means one replica") {
  CHECK(is_empty_pool(*pool_with("", 0)));
  CHECK(replica_count(*pool_with("", 0)) == 0);
  CHECK_FALSE(is_empty_pool(*pool_with("", 1)));
  CHECK_FALSE(is_empty_pool(*pool_with("trainer", 0)));
  CHECK(replica_count(*pool_with("trainer", 0)) == 1);
  CHECK(replica_count(*pool_with("trainer", 7)) == 7);
  CHECK(replica_count(*pool_with("trainer", -1)) == 0);
  const auto machine_only = wire::frame<pool>::build(
      [](pool::Builder builder) { builder.initMachineSpec().setMachineType("n1-standard-4"); });
  CHECK_FALSE(is_empty_pool(*machine_only));
}
