// Flag values with structure, read as gcloud reads them: comma lists, key=value lists, worker
// pools.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::cli {

using pairs = std::vector<std::pair<std::string, std::string>>;

/// "a,b,c". As in gcloud, "^:^a,b:c" takes ':' for the separator. An empty value is an empty list.
std::vector<std::string> comma_list(std::string_view value);

/// "a=1,b=2". Errors: invalid_argument naming `flag` and the part that is no pair, or a key that
/// comes twice.
result<pairs> key_values(std::string_view flag, std::string_view value);

/// The content of one --worker-pool-spec. A skipped pool has nothing set.
struct pool_flag {
  bool skipped = false;
  std::string machine_type;
  int64_t replica_count = 1;
  std::string accelerator_type;
  int32_t accelerator_count = 1;
  std::string container_image_uri;
  std::string executor_image_uri;
  std::string python_module;
};

/// One value of --worker-pool-spec; an empty one skips the pool. Errors: invalid_argument in
/// gcloud's words.
result<pool_flag> parse_pool(std::string_view value);

/// All values of --worker-pool-spec, in order.
result<std::vector<pool_flag>> parse_pools(const std::vector<std::string>& values);

/// "90s", "30m", "12h", "7d", "1h30m"; a number needs its unit. Microseconds. Errors:
/// invalid_argument naming `flag`.
result<int64_t> parse_timeout(std::string_view flag, std::string_view value);

} // namespace troupe::cli
