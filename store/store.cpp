#include "store/store.hpp"

#include <cstdlib>

namespace troupe::store {

std::string_view name_of(family where) {
  switch (where) {
  case family::meta:
    return "meta";
  case family::custom_jobs:
    return "custom_jobs";
  case family::tuning_jobs:
    return "tuning_jobs";
  case family::operations:
    return "operations";
  case family::attempts:
    return "attempts";
  case family::events:
    return "events";
  case family::service_logs:
    return "service_logs";
  case family::nodes:
    return "nodes";
  case family::studies:
    return "studies";
  case family::study_records:
    return "study_records";
  case family::trials:
    return "trials";
  }
  std::abort();
}

void batch::put(family where, std::string key, std::string value) {
  writes.push_back({where, std::move(key), std::move(value)});
}

void batch::erase(family where, std::string key) {
  writes.push_back({where, std::move(key), std::nullopt});
}

} // namespace troupe::store
