// The contract with training code: the environment of a replica, as Vertex sets it (CLUSTER_SPEC,
// TF_CONFIG, AIP_*, CLOUD_ML_*), as PyTorch reads it (MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE)
// and what the reduction tier needs (TROUPE_*). Pure: the same order gives the same bytes.
#pragma once

#include "runtime/layout.hpp"
#include "runtime/settings.hpp"
#include "wire/frame.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::runtime {

/// Variables in the order they were first set; setting one again replaces its value in place.
class environment {
public:
  void put(std::string name, std::string value);
  std::optional<std::string> find(std::string_view name) const;
  /// NAME=value, one each.
  std::vector<std::string> list() const;

private:
  std::vector<std::pair<std::string, std::string>> variables_;
};

/// Files of a replica that its environment names.
struct replica_paths {
  std::filesystem::path metric_file;
  std::filesystem::path
      packages; // a directory of Python packages to import from first; empty: none
};

/// `inherited` is what the replica gets from its node, as NAME=value. The job's own variables
/// override it, and the platform's override those, even if the job sets them. The replica must be
/// in one of the launch's pools.
environment environment_of(wire::Launch::Reader launch, const replica_key& replica,
                           const node_settings& settings, const replica_paths& paths,
                           const std::vector<std::string>& inherited);

/// The platform's variables alone.
environment platform_environment(wire::Launch::Reader launch, const replica_key& replica,
                                 const node_settings& settings, const replica_paths& paths);

/// Where the job's output goes, with a slash at its end: a directory if the prefix is a path, a
/// file:// URI or in a bucket that the settings map to one; otherwise the URI as it is. Empty
/// if the job names none. A mapped bucket becomes its directory, so that training code on your own
/// machines needs no storage client: what it writes to AIP_MODEL_DIR is where the bucket's owner
/// expects it.
std::string output_prefix(wire::CustomJobSpec::Reader spec, const node_settings& settings);

/// The local file or directory that a URI or path names; nothing if it is elsewhere.
std::optional<std::filesystem::path> local_path(std::string_view uri,
                                                const node_settings& settings);

} // namespace troupe::runtime
