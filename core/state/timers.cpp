#include "core/state/timers.hpp"

#include <algorithm>
#include <array>

namespace troupe::core {

namespace {

constexpr std::array kinds{timer_kind::node, timer_kind::job, timer_kind::study};

} // namespace

void timers::arm(const timer& entry, int64_t due_micros) {
  disarm(entry);
  due_micros_.emplace(entry, due_micros);
  order_.emplace(entry.kind, due_micros, entry);
}

void timers::disarm(const timer& entry) {
  auto found = due_micros_.find(entry);
  if (found == due_micros_.end()) return;
  order_.erase({entry.kind, found->second, entry});
  due_micros_.erase(found);
}

std::optional<timer> timers::take_due(int64_t now_micros) {
  for (timer_kind kind : kinds) {
    auto first = order_.lower_bound({kind, INT64_MIN, timer{}});
    if (first == order_.end() || std::get<0>(*first) != kind || std::get<1>(*first) > now_micros)
      continue;
    timer entry = std::get<2>(*first);
    disarm(entry);
    return entry;
  }
  return std::nullopt;
}

std::optional<int64_t> timers::first_micros() const {
  std::optional<int64_t> first;
  for (timer_kind kind : kinds) {
    auto next = order_.lower_bound({kind, INT64_MIN, timer{}});
    if (next != order_.end() && std::get<0>(*next) == kind)
      first = std::min(first.value_or(INT64_MAX), std::get<1>(*next));
  }
  return first;
}

} // namespace troupe::core
