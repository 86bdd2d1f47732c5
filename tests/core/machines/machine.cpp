#include "core/machines/machine.hpp"

#include "wire/json.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::core;
using gpu = wire::AcceleratorType;

namespace {

constexpr uint64_t gib = uint64_t(1) << 30;

result<amounts> demand(const std::string& json, const machine_table& machines = {}) {
  const auto spec = wire::from_json<wire::MachineSpec>(json);
  REQUIRE_MESSAGE(spec, spec.error().message);
  return demand_of(machines, **spec);
}

amounts cpu(double cpus, double memory_gib) {
  return {static_cast<uint64_t>(cpus * 1000), static_cast<uint64_t>(memory_gib * gib)};
}

std::string named(const std::string& type) { return R"({"machineType": ")" + type + R"("})"; }

std::string refusal(const std::string& json, const machine_table& machines = {}) {
  const auto found = demand(json, machines);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == errc::invalid_argument);
  return found.error().message;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("Google's families have their published sizes") {
  CHECK(demand(named("n1-standard-4")) == cpu(4, 15));
  CHECK(demand(named("n1-standard-1")) == cpu(1, 3.75));
  CHECK(demand(named("n1-highmem-96")) == cpu(96, 624));
  CHECK(demand(named("n1-highcpu-16"))->memory_bytes == 16 * (90 * gib / 100));
  CHECK(demand(named("n2-standard-128")) == cpu(128, 512));
  CHECK(demand(named("n2-highmem-128")) == cpu(128, 864));
  CHECK(demand(named("n2d-highcpu-224")) == cpu(224, 224));
  CHECK(demand(named("e2-standard-2")) == cpu(2, 8));
  CHECK(demand(named("e2-highcpu-32")) == cpu(32, 32));
  CHECK(demand(named("c2-standard-60")) == cpu(60, 240));
  CHECK(demand(named("c3-highcpu-22")) == cpu(22, 44));
  CHECK(demand(named("a2-highgpu-8g")) == amounts{96'000, 680 * gib, 8, gpu::TESLA_A100});
  CHECK(demand(named("a2-megagpu-16g")) == amounts{96'000, 1360 * gib, 16, gpu::TESLA_A100});
  CHECK(demand(named("a2-ultragpu-4g")) == amounts{48'000, 680 * gib, 4, gpu::A10080GB});
  CHECK(demand(named("a3-highgpu-2g")) == amounts{52'000, 468 * gib, 2, gpu::H10080GB});
  CHECK(demand(named("a3-megagpu-8g")) == amounts{208'000, 1872 * gib, 8, gpu::H100_MEGA80GB});
  CHECK(demand(named("g2-standard-24")) == amounts{24'000, 96 * gib, 2, gpu::L4});
}

TEST_CASE("a size that Google does not sell is not known, and the message says what is") {
  for (auto type :
       {"n1-standard-3", "n1-standard-", "n1-standard-4x", "n1-standard--4", "n1-highmem-1",
        "e2-standard-64", "a2-highgpu-3g", "n9-standard-4", "*", "gpu-box", "N1-STANDARD-4"}) {
    CAPTURE(type);
    CHECK(
        refusal(named(type)).starts_with("machineType: '" + std::string(type) + "' is not known"));
  }
  const machine_table machines{{{"gpu-box", cpu(8, 64)}, {"small", cpu(1, 2)}}};
  const auto message = refusal(named("gpu-bx"), machines);
  CHECK(has(message, "gpu-box, small, custom-<cpus>-<memory MiB>"));
}

TEST_CASE("a custom machine says its size in its name") {
  CHECK(demand(named("custom-4-16384")) == cpu(4, 16));
  CHECK(demand(named("custom-0.5-512")) == cpu(0.5, 0.5));
  for (auto type : {"custom-", "custom-4", "custom-4-", "custom--512", "custom-0-512", "custom-4-0",
                    "custom-nan-512", "custom-inf-512", "custom-4-1.5", "custom-4-512MiB",
                    "custom-1e300-512", "custom-4-99999999999"}) {
    CAPTURE(type);
    CHECK_FALSE(demand(named(type)));
  }
}

TEST_CASE("the admin's types come first, and '*' stands for every other name") {
  const machine_table own{{{"n1-standard-4", cpu(3, 9)}}};
  CHECK(demand(named("n1-standard-4"), own) == cpu(3, 9));
  CHECK(demand(named("n1-standard-8"), own) == cpu(8, 30));
  const machine_table any{{{"*", cpu(2, 4)}}};
  CHECK(demand(named("whatever"), any) == cpu(2, 4));
  CHECK(demand(named("n1-standard-8"), any) == cpu(8, 30));
  CHECK(demand(named("custom-1-1024"), any) == cpu(1, 1));
  CHECK(demand("{}", any) == cpu(2, 4));
  CHECK(demand("{}") == cpu(1, 1));
}

TEST_CASE("accelerators are added to a machine without any, one if no count is given") {
  CHECK(
      demand(
          R"({"machineType": "n1-standard-8", "acceleratorType": "NVIDIA_TESLA_T4", "acceleratorCount": 2})")
      == amounts{8000, 30 * gib, 2, gpu::TESLA_T4});
  CHECK(demand(R"({"machineType": "n1-standard-8", "acceleratorType": "NVIDIA_TESLA_T4"})")->gpus
        == 1);
  CHECK(demand(R"({"acceleratorType": "NVIDIA_H100_80GB", "acceleratorCount": 4})")
        == amounts{1000, gib, 4, gpu::H10080GB});
}

TEST_CASE("a machine with its own accelerators and the spec must agree") {
  CHECK(
      demand(
          R"({"machineType": "a2-highgpu-1g", "acceleratorType": "NVIDIA_TESLA_A100", "acceleratorCount": 1})")
      == demand(named("a2-highgpu-1g")));
  const auto type = refusal(
      R"({"machineType": "a2-highgpu-1g", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1})");
  CHECK(type
        == "acceleratorType: NVIDIA_L4 on a2-highgpu-1g; expected NVIDIA_TESLA_A100, which this "
           "machine "
           "type comes with");
  const auto count = refusal(
      R"({"machineType": "a2-highgpu-1g", "acceleratorType": "NVIDIA_TESLA_A100", "acceleratorCount": 2})");
  CHECK(count.starts_with("acceleratorCount: 2 on a2-highgpu-1g; expected 1"));
  // An admin who does not name the type takes any.
  const machine_table untyped{{{"box", {4000, gib, 2, gpu::UNSPECIFIED}}}};
  CHECK(demand(R"({"machineType": "box", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 2})",
               untyped)
        == amounts{4000, gib, 2, gpu::L4});
}

TEST_CASE("impossible accelerators are refused") {
  CHECK(has(refusal(R"({"acceleratorCount": 2})"),
            "acceleratorType: not set beside an acceleratorCount of 2"));
  CHECK(has(refusal(R"({"acceleratorType": "NVIDIA_L4", "acceleratorCount": -1})"),
            "acceleratorCount: -1"));
  CHECK(has(refusal(R"({"acceleratorType": "TPU_V3", "acceleratorCount": 8})"),
            "acceleratorType: TPU_V3 is not"));
}
