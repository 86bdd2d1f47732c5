#include "core/machines/machine.hpp"

#include "wire/frame.hpp"

#include <capnp/compat/json.capnp.h>
#include <capnp/schema.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

namespace troupe::core {

namespace {

using gpu = wire::AcceleratorType;
constexpr uint64_t mib = uint64_t(1) << 20;
constexpr uint64_t gib = uint64_t(1) << 30;
constexpr double cpus_max = 1e6;

/// A family whose memory grows with its vCPUs. Google's published "GB" are GiB.
struct family {
  std::string_view prefix;
  uint32_t centi_gib_per_cpu;
  std::vector<uint32_t> cpus;
};

const std::vector<family>& families() {
  static const std::vector<uint32_t> n1{1, 2, 4, 8, 16, 32, 64, 96};
  static const std::vector<uint32_t> n1_extreme{2, 4, 8, 16, 32, 64, 96};
  static const std::vector<uint32_t> n2{2, 4, 8, 16, 32, 48, 64, 80, 96};
  static const std::vector<uint32_t> n2_standard{2, 4, 8, 16, 32, 48, 64, 80, 96, 128};
  static const std::vector<uint32_t> n2d{2, 4, 8, 16, 32, 48, 64, 80, 96, 128, 224};
  static const std::vector<uint32_t> c2d{2, 4, 8, 16, 32, 56, 112};
  static const std::vector<uint32_t> c3{4, 8, 22, 44, 88, 176};
  static const std::vector<family> all{
      {"n1-standard-", 375, n1},
      {"n1-highmem-", 650, n1_extreme},
      {"n1-highcpu-", 90, n1_extreme},
      {"n2-standard-", 400, n2_standard},
      {"n2-highmem-", 800, n2},
      {"n2-highcpu-", 100, n2},
      {"n2d-standard-", 400, n2d},
      {"n2d-highmem-", 800, n2},
      {"n2d-highcpu-", 100, n2d},
      {"e2-standard-", 400, {2, 4, 8, 16, 32}},
      {"e2-highmem-", 800, {2, 4, 8, 16}},
      {"e2-highcpu-", 100, {2, 4, 8, 16, 32}},
      {"c2-standard-", 400, {4, 8, 16, 30, 60}},
      {"c2d-standard-", 400, c2d},
      {"c2d-highmem-", 800, c2d},
      {"c2d-highcpu-", 200, c2d},
      {"c3-standard-", 400, c3},
      {"c3-highmem-", 800, c3},
      {"c3-highcpu-", 200, c3},
  };
  return all;
}

/// A machine that no rule gives, or that comes with its GPUs.
struct bundle {
  std::string_view name;
  uint32_t cpus;
  uint32_t memory_gib;
  uint32_t gpus = 0;
  gpu type = gpu::UNSPECIFIED;
};

constexpr std::array bundles{
    bundle{"n2-highmem-128", 128, 864},
    bundle{"m1-ultramem-40", 40, 961},
    bundle{"m1-ultramem-80", 80, 1922},
    bundle{"m1-ultramem-160", 160, 3844},
    bundle{"a2-highgpu-1g", 12, 85, 1, gpu::TESLA_A100},
    bundle{"a2-highgpu-2g", 24, 170, 2, gpu::TESLA_A100},
    bundle{"a2-highgpu-4g", 48, 340, 4, gpu::TESLA_A100},
    bundle{"a2-highgpu-8g", 96, 680, 8, gpu::TESLA_A100},
    bundle{"a2-megagpu-16g", 96, 1360, 16, gpu::TESLA_A100},
    bundle{"a2-ultragpu-1g", 12, 170, 1, gpu::A10080GB},
    bundle{"a2-ultragpu-2g", 24, 340, 2, gpu::A10080GB},
    bundle{"a2-ultragpu-4g", 48, 680, 4, gpu::A10080GB},
    bundle{"a2-ultragpu-8g", 96, 1360, 8, gpu::A10080GB},
    bundle{"a3-highgpu-1g", 26, 234, 1, gpu::H10080GB},
    bundle{"a3-highgpu-2g", 52, 468, 2, gpu::H10080GB},
    bundle{"a3-highgpu-4g", 104, 936, 4, gpu::H10080GB},
    bundle{"a3-highgpu-8g", 208, 1872, 8, gpu::H10080GB},
    bundle{"a3-megagpu-8g", 208, 1872, 8, gpu::H100_MEGA80GB},
    bundle{"a3-ultragpu-8g", 224, 2952, 8, gpu::H200141GB},
    bundle{"a4-highgpu-8g", 224, 3968, 8, gpu::B200},
    bundle{"a4x-highgpu-4g", 140, 884, 4, gpu::GB200},
    bundle{"g2-standard-4", 4, 16, 1, gpu::L4},
    bundle{"g2-standard-8", 8, 32, 1, gpu::L4},
    bundle{"g2-standard-12", 12, 48, 1, gpu::L4},
    bundle{"g2-standard-16", 16, 64, 1, gpu::L4},
    bundle{"g2-standard-24", 24, 96, 2, gpu::L4},
    bundle{"g2-standard-32", 32, 128, 1, gpu::L4},
    bundle{"g2-standard-48", 48, 192, 4, gpu::L4},
    bundle{"g2-standard-96", 96, 384, 8, gpu::L4},
    bundle{"g4-standard-48", 48, 180, 1, gpu::RTX_PRO6000},
    bundle{"g4-standard-96", 96, 360, 2, gpu::RTX_PRO6000},
    bundle{"g4-standard-192", 192, 720, 4, gpu::RTX_PRO6000},
    bundle{"g4-standard-384", 384, 1440, 8, gpu::RTX_PRO6000},
};

/// The name that the API uses ("NVIDIA_L4").
std::string name_of_gpu(gpu type) {
  constexpr uint64_t json_name = 0xfa5b1fd61c2e7c3d; // $Json.name
  auto enumerants = capnp::Schema::from<gpu>().getEnumerants();
  const auto number = static_cast<uint32_t>(type);
  if (number >= enumerants.size()) return fmt::format("accelerator {}", number);
  const auto proto = enumerants[number].getProto();
  for (auto annotation : proto.getAnnotations()) {
    if (annotation.getId() == json_name) return wire::str(annotation.getValue().getText());
  }
  return wire::str(proto.getName());
}

bool is_tpu(gpu type) {
  return type == gpu::TPU_V2 || type == gpu::TPU_V3 || type == gpu::TPU_V4_POD
         || type == gpu::TPU_V5_LITEPOD;
}

/// The whole of `text` as a number.
template <class T>
std::optional<T> number_in(std::string_view text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `custom-<cpus>-<memory MiB>`
std::optional<amounts> custom_machine(std::string_view name) {
  constexpr std::string_view prefix = "custom-";
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  const auto dash = name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto cpus = number_in<double>(name.substr(0, dash));
  const auto memory_mib = number_in<uint32_t>(name.substr(dash + 1));
  if (!cpus || !memory_mib || !(*cpus >= 0.001 && *cpus <= cpus_max) || *memory_mib == 0)
    return std::nullopt;
  return amounts{.cpu_millis = static_cast<uint64_t>(std::llround(*cpus * 1000)),
                 .memory_bytes = *memory_mib * mib};
}

std::optional<amounts> google_machine(std::string_view name) {
  for (const auto& machine : bundles) {
    if (machine.name == name)
      return amounts{uint64_t(machine.cpus) * 1000, machine.memory_gib * gib, machine.gpus,
                     machine.type};
  }
  for (const auto& [prefix, centi_gib_per_cpu, sizes] : families()) {
    if (!name.starts_with(prefix)) continue;
    const auto cpus = number_in<uint32_t>(name.substr(prefix.size()));
    if (cpus && std::ranges::find(sizes, *cpus) != sizes.end())
      return amounts{.cpu_millis = *cpus * uint64_t(1000),
                     .memory_bytes = *cpus * (centi_gib_per_cpu * gib / 100)};
  }
  return std::nullopt;
}

/// The families by their stems, and the admin's own names.
std::string known_machines(const machine_table& machines) {
  std::string own;
  for (const auto& [name, size] : machines.types) {
    if (name != "*") own += name + ", ";
  }
  return own
         + "custom-<cpus>-<memory MiB>, or a published size of n1, n2, n2d, e2, c2, c2d, c3, m1, "
           "a2, a3, a4, "
           "a4x, g2 or g4 (such as n1-standard-4)";
}

std::optional<amounts> machine_named(const machine_table& machines, const std::string& name) {
  if (auto own = machines.types.find(name); own != machines.types.end() && name != "*")
    return own->second;
  if (auto custom = custom_machine(name)) return custom;
  if (auto google = google_machine(name)) return google;
  if (auto any = machines.types.find("*"); any != machines.types.end()) return any->second;
  return std::nullopt;
}

struct accelerators {
  gpu type = gpu::UNSPECIFIED;
  uint32_t count = 0; // 0: none asked for
};

result<accelerators> accelerators_of(wire::MachineSpec::Reader spec) {
  const auto type = spec.getAcceleratorType();
  const auto count = spec.getAcceleratorCount();
  if (count < 0)
    return fail(errc::invalid_argument, "acceleratorCount: {}; expected 0 or more", count);
  if (type == gpu::UNSPECIFIED) {
    if (count != 0)
      return fail(
          errc::invalid_argument,
          "acceleratorType: not set beside an acceleratorCount of {}; expected a type such as "
          "NVIDIA_L4",
          count);
    return accelerators{};
  }
  if (is_tpu(type))
    return fail(errc::invalid_argument,
                "acceleratorType: {} is not supported; expected one of the NVIDIA types",
                name_of_gpu(type));
  return accelerators{type, std::max<uint32_t>(1, static_cast<uint32_t>(count))};
}

} // namespace

result<amounts> demand_of(const machine_table& machines, wire::MachineSpec::Reader spec) {
  const auto name = wire::str(spec.getMachineType());
  auto machine = machine_named(machines, name);
  if (!machine && name.empty()) machine = amounts{.cpu_millis = 1000, .memory_bytes = gib};
  if (!machine)
    return fail(errc::invalid_argument, "machineType: '{}' is not known; expected one of {}", name,
                known_machines(machines));

  const auto asked = accelerators_of(spec);
  if (!asked) return std::unexpected(asked.error());
  if (asked->count == 0) return *machine;
  if (machine->gpus == 0) {
    machine->gpus = asked->count;
    machine->gpu_type = asked->type;
    return *machine;
  }
  if (machine->gpu_type == gpu::UNSPECIFIED) machine->gpu_type = asked->type;
  if (machine->gpu_type != asked->type)
    return fail(errc::invalid_argument,
                "acceleratorType: {} on {}; expected {}, which this machine type comes with",
                name_of_gpu(asked->type), name, name_of_gpu(machine->gpu_type));
  if (machine->gpus != asked->count)
    return fail(errc::invalid_argument,
                "acceleratorCount: {} on {}; expected {}, which this machine type comes with",
                asked->count, name, machine->gpus);
  return *machine;
}

} // namespace troupe::core
