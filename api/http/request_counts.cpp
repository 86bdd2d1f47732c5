#include "api/http/request_counts.hpp"

namespace troupe::api {

void request_counts::add(int status) {
  mutex_lock lock(mutex_);
  ++by_status_[status];
}

std::map<int, uint64_t> request_counts::by_status() const {
  mutex_lock lock(mutex_);
  return by_status_;
}

} // namespace troupe::api
