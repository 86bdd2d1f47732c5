#include "reduction/rank/communicator.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace troupe::reduction {
namespace {

lane_layout layout_of(const communicator_options& options, const meeting& met) {
  lane_layout out;
  out.reducers = static_cast<uint32_t>(met.reducers.size());
  if (!met.reducers.empty())
    out.lanes_per_reducer = static_cast<uint32_t>(met.reducers.front().terms.lanes.size());
  out.world_size = options.world_size;
  return out;
}

uint32_t chunk_bytes_of(const meeting& met) {
  return met.reducers.empty() ? 256 * 1024 : met.reducers.front().terms.chunk_bytes;
}

} // namespace

communicator::communicator(communicator_options options, meeting& met)
    : options_(std::move(options)), layout_(layout_of(options_, met)),
      kappa_setting_(met.everyone.kappa), groups_(options_, layout_, chunk_bytes_of(met)),
      data_(options_, layout_, met), session_(options_, layout_, met, data_, groups_) {}

communicator::~communicator() { static_cast<void>(finalize()); }

result<std::unique_ptr<communicator>> communicator::open(communicator_options options) {
  auto met = meet(options);
  if (!met) return std::unexpected(met.error());
  std::unique_ptr<communicator> made(new communicator(std::move(options), *met));
  if (auto begun = made->begin(); !begun) return std::unexpected(begun.error());
  return made;
}

result<> communicator::begin() {
  if (auto connected = data_.connect_reducers(); !connected) return connected;
  data_.start_threads();
  session_.start();
  if (auto attached = data_.await_attached(); !attached) return attached;
  session_.mark_begun();
  const bool measure = std::isnan(kappa_setting_) && layout_.reducers > 0;
  install_world(kappa_setting_ >= 0 && layout_.reducers > 0
                    ? kappa_setting_
                    : static_cast<double>(layout_.reducers));
  if (measure)
    if (auto measured = measure_kappa(); !measured) return measured;
  return connect_ranks(false);
}

void communicator::install_world(double kappa) {
  auto world = groups_.world_for(kappa);
  static_cast<void>(data_.add_group(world)); // a known group goes on with the new plan
  groups_.install_world(std::move(world), kappa);
}

result<operation_ptr> communicator::start(uint32_t group_id, const operation_call& call,
                                          bool soon) {
  auto made = std::make_shared<operation>();
  auto& form = made->form;
  form.kind = call.kind;
  form.type = made->type = call.type;
  form.op = call.op;
  form.root = call.root;
  form.count = call.count;
  if (const auto wire = wire_.load(std::memory_order_relaxed);
      wire && call.type == dtype::float32 && form.reduces())
    form.type = *wire;
  made->input = static_cast<const std::byte*>(call.input);
  made->output = static_cast<std::byte*>(call.output);
  made->plan = call.plan;
  if (auto healthy = data_.health(); !healthy) return std::unexpected(healthy.error());
  if (auto numbered = groups_.number(group_id, *made, [&] { return data_.submit(made); });
      !numbered)
    return std::unexpected(numbered.error());
  const auto block = form.count * size_of(made->type);
  if (call.kind == collective::allgather && block > 0)
    if (auto* const own = made->output + made->of->rank * block; own != made->input)
      std::memcpy(own, made->input, block);
  data_.wake(soon);
  return made;
}

result<> communicator::run(const operation_call& call) {
  auto op = start(0, call, true);
  if (!op) return std::unexpected(op.error());
  return wait(**op);
}

result<> communicator::add_group(uint32_t id, std::vector<uint32_t> ranks) {
  if (auto healthy = data_.health(); !healthy) return healthy;
  auto info = groups_.add(id, std::move(ranks));
  if (!info) return std::unexpected(info.error());
  return data_.add_group(*info);
}

result<> communicator::end_group(uint32_t id) {
  operation_call call;
  call.kind = collective::leave;
  auto op = start(id, call, true);
  const auto outcome = op ? wait(**op) : result<>{};
  groups_.end(id);
  data_.remove_group(id);
  return outcome;
}

communicator_stats communicator::stats() {
  communicator_stats out;
  out.bytes_sent = data_.bytes_sent();
  out.bytes_received = data_.bytes_received();
  out.operations = data_.operations_done();
  out.reducers = layout_.reducers;
  out.reducers_alive = session_.reducers_alive();
  out.kappa = groups_.kappa();
  out.reducer_share = groups_.reducer_share();
  if (data_.busy()) out.waiting_for = session_.waiting_for(steady_clock::now());
  return out;
}

result<> communicator::finalize() {
  if (!groups_.close()) return {};
  const bool premature = data_.busy();
  // Nobody leaves before all have all results: if a reducer is lost now, another rank may need
  // this one's. But a rank that never comes here must not hold the others forever.
  if (session_.started() && !premature && health()) {
    operation_call call;
    call.kind = collective::leave;
    if (auto op = start(0, call); op)
      data_.wait_until(**op, steady_clock::now() + milliseconds(options_.timeout_ms));
  }
  session_.leave();
  if (premature)
    return fail(errc::failed_precondition,
                "rank {} was finalized while operations were under way; wait for them first",
                options_.rank);
  return {};
}

// Both ways of moving bytes are timed on the ranks' own arrays: everything through the reducers
// takes max(1, n / kappa) S / B, everything among the ranks 2 (n - 1) / n S / B.
result<> communicator::measure_kappa() {
  const double n = options_.world_size;
  if (options_.world_size < 2) return {};
  if (auto connected = connect_ranks(true); !connected) return connected;
  std::vector<float> array(4U << 20, 1.0F);
  const auto through_reducers = time_of(groups_.reducers_only(), array);
  if (!through_reducers) return std::unexpected(through_reducers.error());
  const auto among_ranks = time_of(groups_.ranks_only(), array);
  if (!among_ranks) return std::unexpected(among_ranks.error());
  const double unit = *among_ranks * n / (2 * (n - 1)); // S / B
  install_world(std::min(n, n * unit / *through_reducers));
  return {};
}

result<double> communicator::time_of(const lane_plan& plan, std::vector<float>& array) {
  constexpr int tries = 3;
  std::vector<double> seconds;
  for (int i = 0; i < tries; ++i) {
    const auto begin = steady_clock::now();
    if (auto ran = run({.kind = collective::allreduce,
                        .input = array.data(),
                        .output = array.data(),
                        .count = array.size(),
                        .type = dtype::float32,
                        .op = reduce_op::max,
                        .plan = &plan});
        !ran)
      return std::unexpected(ran.error());
    seconds.push_back(std::chrono::duration<double>(steady_clock::now() - begin).count());
  }
  double best = std::ranges::min(seconds);
  // All ranks must come to the same kappa.
  if (auto agreed = run({.kind = collective::allreduce,
                         .input = &best,
                         .output = &best,
                         .count = 1,
                         .type = dtype::float64,
                         .op = reduce_op::max});
      !agreed)
    return std::unexpected(agreed.error());
  return best;
}

// Rank 0 combines short arrays, and where the plan says so all ranks combine some of the long ones:
// then they must reach each other. First every rank admits the others, then all connect: a
// connection that is refused would be tried again only after a second.
result<> communicator::connect_ranks(bool every_rank) {
  if (options_.world_size == 1) return data_.connect_lanes({layout_.rank_lane(0)});
  every_rank |= groups_.find(0)->bulk.uses_colocated();
  if (every_rank || options_.rank == 0) data_.admit_ranks();
  if (layout_.reducers > 0) {
    const auto by_reducers = groups_.reducers_only();
    if (auto met = run({.plan = &by_reducers}); !met) return met;
  }
  std::vector<uint32_t> lanes;
  for (uint32_t rank = 0; rank < (every_rank ? options_.world_size : 1); ++rank)
    lanes.push_back(layout_.rank_lane(rank));
  return data_.connect_lanes(lanes);
}

} // namespace troupe::reduction
