// How far a client has read a job's log: the content of a page token of entries:list. There is one
// position for each replica, so the next page continues exactly where this one ended, however the
// lines of the replicas interleave.
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace troupe::api {

struct log_position {
  struct job {
    bool finished = false;                   // ended, and read to its end
    uint64_t service_next = 0;               // the number of the next platform message
    std::map<std::string, uint64_t> offsets; // by replica, "1/workerpool0-0/0"

    bool operator==(const job&) const = default;
  };

  std::map<uint64_t, job> jobs;
  std::set<std::string> silent_nodes; // a notice to the client says that they do not answer

  bool operator==(const log_position&) const = default;
};

/// `filter` must not change between pages: a token fits only the filter that it was made for.
std::string token_of(const log_position& position, std::string_view filter);
result<log_position> position_of(std::string_view token, std::string_view filter);

} // namespace troupe::api
