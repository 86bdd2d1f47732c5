// Paths of studies, and the values of a field in a list, for the tests of studies, trials and
// operations.
#pragma once

#include "tests/api/fixture.hpp"

namespace troupe::api::test {

using texts = std::vector<std::string>;

inline const std::string studies_path = "/v1/projects/p/locations/l/studies";

inline std::string study_path(uint64_t id) { return fmt::format("{}/{}", studies_path, id); }

/// A field of each item of a list.
inline texts of_each(const http_reply& reply, const char* collection, const char* field) {
  texts values;
  for (auto each : reply.json()[collection])
    values.push_back(each[field].as<std::string>());
  return values;
}

} // namespace troupe::api::test
