#include "core/scheduler/reasons.hpp"

#include "base/names.hpp"
#include "core/machines/pools.hpp"
#include "wire/enum_names.hpp"

#include <capnp/schema.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace troupe::core {

namespace {

std::string cpus(uint64_t millis) {
  return fmt::format("{} cpus", static_cast<double>(millis) / 1000);
}

std::string memory(uint64_t bytes) {
  if (bytes < uint64_t{1} << 30)
    return fmt::format("{:.4g} MiB of memory", static_cast<double>(bytes) / (1 << 20));
  return fmt::format("{:.4g} GiB of memory", static_cast<double>(bytes) / (uint64_t{1} << 30));
}

std::string gpus(const amounts& demand, uint32_t count) {
  std::string text = fmt::format("{} {}", count, count == 1 ? "GPU" : "GPUs");
  if (demand.gpu_type != wire::AcceleratorType::UNSPECIFIED)
    text += " of type " + wire::enum_name(demand.gpu_type);
  return text;
}

bool right_type(const amounts& demand, const amounts& total) {
  return demand.gpu_type == wire::AcceleratorType::UNSPECIFIED || demand.gpu_type == total.gpu_type;
}

constexpr std::string_view never = "it can never start on this cluster as it stands";

/// A replica that no node can hold even when empty.
std::optional<std::string> too_large(const pool_demand& demand, std::span<const node_view> nodes) {
  const amounts& each = demand.each;
  const node_view *most_gpus = nullptr, *most_cpus = nullptr, *most_memory = nullptr;
  for (const node_view& node : nodes) {
    if (fits(each, node.total)) return std::nullopt;
    if (right_type(each, node.total) && node.total.gpus > 0
        && (!most_gpus || node.total.gpus > most_gpus->total.gpus))
      most_gpus = &node;
    if (!most_cpus || node.total.cpu_millis > most_cpus->total.cpu_millis) most_cpus = &node;
    if (!most_memory || node.total.memory_bytes > most_memory->total.memory_bytes)
      most_memory = &node;
  }
  if (each.gpus > (most_gpus ? most_gpus->total.gpus : 0))
    return fmt::format(
        "waiting for {} per replica: no node has that many ({})", gpus(each, each.gpus),
        most_gpus ? fmt::format("largest: node {} with {}", most_gpus->name, most_gpus->total.gpus)
                  : std::string("no node has any"));
  std::string task = task_name(demand.pool, 0);
  if (each.cpu_millis > most_cpus->total.cpu_millis)
    return fmt::format("needs {} on one node for {}, but the largest node has {}: {}",
                       cpus(each.cpu_millis), task,
                       static_cast<double>(most_cpus->total.cpu_millis) / 1000, never);
  if (each.memory_bytes > most_memory->total.memory_bytes)
    return fmt::format("needs {} on one node for {}, but the largest node has {}: {}",
                       memory(each.memory_bytes), task, memory(most_memory->total.memory_bytes),
                       never);
  return fmt::format("needs {}, {}{} together on one node for {}, and no node has all of these: {}",
                     cpus(each.cpu_millis), memory(each.memory_bytes),
                     each.gpus > 0 ? " and " + gpus(each, each.gpus) : "", task, never);
}

amounts sum_of(std::span<const pool_demand> pools) {
  amounts sum;
  for (const pool_demand& demand : pools) {
    sum.cpu_millis += demand.count * demand.each.cpu_millis;
    sum.memory_bytes += demand.count * demand.each.memory_bytes;
    sum.gpus += static_cast<uint32_t>(demand.count) * demand.each.gpus;
    if (demand.each.gpus > 0) sum.gpu_type = demand.each.gpu_type;
  }
  return sum;
}

/// What is missing over all open nodes together; empty if the sum would do.
std::string shortage(std::span<const pool_demand> pools, std::span<const node_view> nodes) {
  amounts wanted = sum_of(pools), free;
  uint64_t ports = 0, replicas = 0;
  for (const pool_demand& demand : pools)
    replicas += demand.count;
  for (const node_view& node : nodes) {
    if (!node.left.open) continue;
    free.cpu_millis += node.left.free.cpu_millis;
    free.memory_bytes += node.left.free.memory_bytes;
    if (right_type(wanted, node.total)) free.gpus += node.left.free.gpus;
    ports += node.left.ports;
  }
  if (wanted.gpus > free.gpus) return gpus(wanted, wanted.gpus - free.gpus) + " more";
  if (wanted.cpu_millis > free.cpu_millis)
    return fmt::format("{} more cpus",
                       static_cast<double>(wanted.cpu_millis - free.cpu_millis) / 1000);
  if (wanted.memory_bytes > free.memory_bytes)
    return memory(wanted.memory_bytes - free.memory_bytes) + " more";
  if (replicas > ports) return fmt::format("{} more free ports", replicas - ports);
  return {};
}

std::string place_in_queue(size_t ahead, size_t far) {
  if (ahead == 0) return {};
  if (ahead >= far) return fmt::format("; {} or more jobs are ahead", far);
  return ahead == 1 ? std::string("; 1 job is ahead") : fmt::format("; {} jobs are ahead", ahead);
}

} // namespace

std::string waiting_reason(std::span<const pool_demand> pools, std::span<const node_view> nodes,
                           size_t ahead, size_t far) {
  if (nodes.empty()) return "no node is connected";
  if (ahead < far && std::ranges::none_of(nodes, &node_view::connected))
    return "no node is connected";
  for (const pool_demand& demand : pools)
    if (demand.count > 0)
      if (auto reason = too_large(demand, nodes)) return *reason;
  std::vector<capacity> empty;
  for (const node_view& node : nodes)
    empty.push_back({node.total, UINT16_MAX, true});
  if (!place(pools, empty)) {
    amounts all = sum_of(pools);
    return fmt::format("needs {}, {}{} in all, and the nodes together cannot hold that at once: {}",
                       cpus(all.cpu_millis), memory(all.memory_bytes),
                       all.gpus > 0 ? " and " + gpus(all, all.gpus) : "", never);
  }
  if (ahead >= far) return "waiting for its turn" + place_in_queue(ahead, far);
  std::string missing = shortage(pools, nodes);
  if (missing.empty()) missing = "enough of a single node to be free";
  return "waiting for " + missing + place_in_queue(ahead, far);
}

} // namespace troupe::core
