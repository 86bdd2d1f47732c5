#include "cli/bench/collective.hpp"

#include <array>

namespace troupe::cli {

namespace {

troupe_status allreduce(troupe_comm* comm, const bench_call& call) {
  return troupe_allreduce(comm, call.input, call.output, call.count, call.type, call.op,
                          TROUPE_HOST);
}

troupe_status reduce_scatter(troupe_comm* comm, const bench_call& call) {
  return troupe_reduce_scatter(comm, call.input, call.output, call.count, call.type, call.op,
                               TROUPE_HOST);
}

troupe_status allgather(troupe_comm* comm, const bench_call& call) {
  return troupe_allgather(comm, call.input, call.output, call.count, call.type, TROUPE_HOST);
}

troupe_status broadcast(troupe_comm* comm, const bench_call& call) {
  return troupe_broadcast(comm, call.output, call.count, call.type, call.root, TROUPE_HOST);
}

troupe_status barrier(troupe_comm* comm, const bench_call&) { return troupe_barrier(comm); }

double nothing(uint32_t) { return 0; }
double whole(uint32_t ranks) { return ranks > 1 ? 1 : 0; }
double others_parts(uint32_t ranks) { return double(ranks - 1) / ranks; }
double ring_bytes(uint32_t ranks) { return 2 * others_parts(ranks); }
double one(uint32_t) { return 1; }

constexpr std::array table = {
    collective{"allreduce", "Combine arrays; every rank gets the result", array_shape::equal, true,
               false, true, allreduce, ring_bytes, whole},
    collective{"reduce-scatter", "Combine arrays; every rank gets its part of the result",
               array_shape::scatter, true, false, true, reduce_scatter, others_parts, others_parts},
    collective{"allgather", "Every rank gets all ranks' arrays", array_shape::gather, false, false,
               true, allgather, others_parts, others_parts},
    collective{"broadcast", "Every rank gets one rank's array", array_shape::equal, false, true,
               false, broadcast, one, whole},
    collective{"barrier", "All ranks wait for each other", array_shape::none, false, false, false,
               barrier, nothing, nothing},
};

} // namespace

std::span<const collective> collectives() { return table; }

} // namespace troupe::cli
