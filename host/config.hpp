// The configuration of a controller, of an agent, or of both in one process (`troupe up`): YAML
// files, read into plain structs. All problems of a file are reported together, each with file,
// line and column. configs/ has a commented example of each.
#pragma once

#include "base/error.hpp"
#include "core/machines/machine.hpp"
#include "link/identity.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::host {

/// Paths are absolute after reading: a relative path counts from the directory of the file that
/// names it.
struct controller_config {
  // Empty only in a cluster_config, where --data or TROUPE_DATA may name it.
  std::filesystem::path data_directory;
  std::string api_listen = "127.0.0.1:8080";
  std::string link_listen = "0.0.0.0:7801"; // empty in a cluster_config: no agents from outside
  std::optional<link::identity> tls;        // set unless link_listen is empty
  std::string project = "local";
  std::string location = "local";
  core::machine_table machines;
  std::chrono::microseconds node_lost_after = std::chrono::seconds(60);
  std::chrono::microseconds termination_grace = std::chrono::seconds(30);
};

struct agent_config {
  std::filesystem::path data_directory; // empty only in a cluster_config: beside the controller's
  std::string name;                     // the host's name where none is given
  std::string controller;               // "host:port" of its link; empty in a cluster_config
  std::string controller_name = "controller"; // the name that its certificate must have
  std::optional<link::identity> tls;          // absent in a cluster_config
  std::string address;                        // the peers of this node's replicas dial it
  std::optional<uint64_t> cpu_millis;         // absent: detected
  std::optional<uint64_t> memory_bytes;       // absent: detected
  std::optional<uint32_t> gpus;               // absent: none; GPUs are not detected
  std::optional<wire::AcceleratorType> gpu_type;
  uint16_t port_first = 20000;
  uint16_t port_last = 20999;
  std::map<std::string, std::string> images; // an imageUri, or the start of some and '*', -> "host"
  std::map<std::string, std::filesystem::path> buckets; // gs://<name> is this directory
  uint64_t log_bytes_max = 256 << 20;                   // of one replica
};

/// One process that is both: the file's sections `controller:` and `agent:`, either of which may be
/// missing.
struct cluster_config {
  controller_config controller;
  agent_config agent;
};

/// Errors: not_found or permission_denied if the file cannot be read; invalid_argument with all its
/// problems, a line each.
result<controller_config> read_controller_config(const std::filesystem::path& file);
result<agent_config> read_agent_config(const std::filesystem::path& file);
result<cluster_config> read_cluster_config(const std::filesystem::path& file);

/// The same for a text in memory; `file` is for messages and for relative paths.
result<controller_config> parse_controller_config(std::string_view text,
                                                  const std::filesystem::path& file);
result<agent_config> parse_agent_config(std::string_view text, const std::filesystem::path& file);
result<cluster_config> parse_cluster_config(std::string_view text,
                                            const std::filesystem::path& file);

} // namespace troupe::host
