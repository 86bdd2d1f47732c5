#include "reduction/rank/group_table.hpp"

#include <algorithm>
#include <numeric>

namespace troupe::reduction {
namespace {

// The time of shorter arrays is latency, which grows with the number of messages: rank 0 combines
// them, because its own contribution needs no message.
constexpr uint64_t brief_bytes = chunk_rule::single_bytes;

// Operations of a single chunk stay with one reducer for a while, so that it is awake for the next.
constexpr uint64_t same_lane_operations = 64;

} // namespace

group_table::group_table(const communicator_options& options, const lane_layout& layout,
                         uint32_t chunk_bytes)
    : options_(options), layout_(layout), chunk_bytes_(chunk_bytes) {}

std::vector<double> group_table::reducer_weights() const {
  return std::vector<double>(layout_.reducer_lanes(), 1.0);
}

lane_plan group_table::reducers_only() const {
  return {reducer_weights(), options_.world_size, 1.0};
}

lane_plan group_table::ranks_only() const { return {reducer_weights(), options_.world_size, 0.0}; }

std::shared_ptr<const group> group_table::make(uint32_t id, std::vector<uint32_t> ranks,
                                               double reducer_share) const {
  auto made = std::make_shared<group>();
  made->id = id;
  const auto own = std::ranges::find(ranks, options_.rank);
  made->rank = static_cast<uint32_t>(own - ranks.begin());
  made->members = std::move(ranks);
  made->bulk = lane_plan(reducer_weights(), options_.world_size, reducer_share);
  made->brief = reducers_only();
  if (id == 0) {
    std::vector<double> weights(layout_.lanes());
    weights[layout_.rank_lane(0)] = 1;
    made->brief = lane_plan(weights, 0, 1.0);
  }
  return made;
}

double group_table::share_for(double kappa) const {
  return layout_.reducers == 0 ? 0.0 : best_split(options_.world_size, kappa).reducer_share;
}

std::shared_ptr<const group> group_table::world_for(double kappa) const {
  std::vector<uint32_t> ranks(options_.world_size);
  std::iota(ranks.begin(), ranks.end(), 0U);
  return make(0, std::move(ranks), share_for(kappa));
}

void group_table::install_world(std::shared_ptr<const group> world, double kappa) {
  const mutex_lock lock(mutex_);
  groups_[0].info = std::move(world);
  kappa_ = kappa;
  reducer_share_ = share_for(kappa);
}

result<std::shared_ptr<const group>> group_table::add(uint32_t id, std::vector<uint32_t> ranks) {
  const auto bad = [&](std::string_view problem, uint32_t rank) {
    return fail(errc::invalid_argument, "group {}: {} {}", id, problem, rank);
  };
  if (id == 0) return fail(errc::invalid_argument, "a group's id is 1 or above, not 0");
  if (ranks.empty()) return fail(errc::invalid_argument, "group {} has no ranks", id);
  std::set<uint32_t> seen;
  for (const auto rank : ranks) {
    if (rank >= options_.world_size) return bad("there is no rank", rank);
    if (!seen.insert(rank).second) return bad("it names twice the rank", rank);
  }
  if (!seen.contains(options_.rank)) return bad("it lacks this rank,", options_.rank);
  auto info = make(id, std::move(ranks), layout_.reducers == 0 ? 0.0 : 1.0);
  const mutex_lock lock(mutex_);
  if (groups_.contains(id) || ended_.contains(id))
    return fail(errc::already_exists, "the id {} is another group's", id);
  groups_[id].info = info;
  return info;
}

void group_table::end(uint32_t id) {
  const mutex_lock lock(mutex_);
  groups_.erase(id);
  ended_.insert(id);
}

std::shared_ptr<const group> group_table::find(uint32_t id) const {
  const mutex_lock lock(mutex_);
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.info;
}

std::vector<uint32_t> group_table::ended() const {
  const mutex_lock lock(mutex_);
  return {ended_.begin(), ended_.end()};
}

bool group_table::close() {
  const mutex_lock lock(mutex_);
  return !std::exchange(closed_, true);
}

void group_table::describe(const group& of, operation& op) const {
  auto& form = op.form;
  const auto bytes = form.count * size_of(form.type) * (form.has_blocks() ? of.size() : 1);
  form.chunk_bytes = static_cast<uint32_t>(chunk_bytes_for(bytes, of.size(), chunk_bytes_));
  if (op.plan == nullptr) op.plan = bytes <= brief_bytes ? &of.brief : &of.bulk;
  op.chunks = chunk_total(form, of.size());
  op.least_window =
      least_window(bytes, form.chunk_bytes, std::max(layout_.reducer_lanes(), of.size()));
}

result<> group_table::number(uint32_t group_id, operation& op,
                             const std::function<result<>()>& submit) {
  const mutex_lock lock(mutex_);
  if (closed_ && op.form.kind != collective::leave)
    return fail(errc::failed_precondition, "the communicator was finalized");
  const auto found = groups_.find(group_id);
  if (found == groups_.end()) return fail(errc::failed_precondition, "the group has ended");
  op.of = found->second.info;
  describe(*op.of, op);
  op.number = found->second.operations++;
  op.phase = op.chunks == 1 ? op.number / same_lane_operations : op.number;
  return submit();
}

double group_table::kappa() const {
  const mutex_lock lock(mutex_);
  return kappa_;
}

double group_table::reducer_share() const {
  const mutex_lock lock(mutex_);
  return reducer_share_;
}

} // namespace troupe::reduction
