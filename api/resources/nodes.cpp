// The nodes of the cluster, as the controller has recorded them.
#include "api/query/json_writer.hpp"
#include "api/query/rfc3339.hpp"
#include "api/resources/handlers.hpp"
#include "wire/enum_names.hpp"

namespace troupe::api {

namespace {

// 64-bit numbers are written as texts, as everywhere in Vertex's JSON.
void write_resources(json_writer& out, std::string_view key, wire::Resources::Reader resources) {
  out.key(key).begin_object();
  out.member("cpuMillis", std::to_string(resources.getCpuMillis()));
  out.member("memoryBytes", std::to_string(resources.getMemoryBytes()));
  out.member("gpus", resources.getGpus());
  if (resources.getGpus() > 0) out.member("gpuType", wire::enum_name(resources.getGpuType()));
  out.end_object();
}

void write_node(json_writer& out, wire::NodeRecord::Reader node) {
  auto hello = node.getHello();
  out.begin_object();
  out.member("name", wire::view(hello.getName())).member("address", wire::view(hello.getAddress()));
  out.member("connected", node.getConnected());
  out.member("quarantine", wire::view(node.getQuarantine()));
  write_resources(out, "resources", hello.getResources());
  write_resources(out, "allocated", node.getAllocated());
  out.member("lastSeen", rfc3339_of_nanos(node.getLastSeenMicros() * 1000));
  out.member("version", wire::view(hello.getVersion()));
  out.end_object();
}

result<std::string> all_nodes(const context& context) {
  json_writer out;
  out.begin_object().key("nodes").begin_array();
  result<> outcome;
  auto visit = [&](std::string_view key, std::string_view value) {
    auto node = wire::frame<wire::NodeRecord>::parse(value);
    if (node)
      write_node(out, **node);
    else
      outcome = fail(node.error().code, "stored node {}: {}", key, node.error().message);
    return outcome.has_value();
  };
  auto scanned = context.database().scan(store::family::nodes, "", false, visit);
  if (!scanned) return std::unexpected(scanned.error());
  if (!outcome) return std::unexpected(outcome.error());
  return out.end_array().end_object().take();
}

} // namespace

void list_nodes(const context& context, const request&, const resource_path&, answer reply) {
  reply(respond(all_nodes(context)));
}

} // namespace troupe::api
