#include "core/cluster/cluster.hpp"

#include "base/check.hpp"
#include "core/cluster/invariants.hpp"
#include "core/cluster/parts.hpp"

#include <algorithm>

namespace troupe::core {

namespace {

/// A check walks over all jobs, so it is not done at each step.
constexpr uint64_t steps_between_checks = 4096;

} // namespace

cluster::cluster(settings settings, std::string cluster_id)
    : parts_(std::make_unique<parts>(std::move(settings), std::move(cluster_id))) {}
cluster::cluster(std::unique_ptr<parts> recovered) : parts_(std::move(recovered)) {}
cluster::~cluster() = default;

effects cluster::on(const wire::frame<wire::Event>& event) {
  effects out = parts_->step(event);
  if (++parts_->steps % steps_between_checks == 0) {
    const auto broken = violated_invariant();
    TROUPE_ASSERT(!broken, "{}", *broken);
  }
  return out;
}

std::optional<instant> cluster::wake_at() const {
  std::optional<int64_t> first = parts_->timers.first_micros();
  if (!parts_->studies.shared.wanted_stoppings().empty()) first = parts_->state.now;
  if (!first) return std::nullopt;
  return instant_of(*first);
}

const std::string& cluster::id() const { return parts_->state.cluster_id; }
uint64_t cluster::epoch() const { return parts_->state.epoch; }

std::optional<std::string> cluster::violated_invariant() const {
  const auto broken = core::violated_invariant(parts_->state, parts_->scheduler);
  if (!broken) return std::nullopt;
  return broken->text();
}

} // namespace troupe::core
