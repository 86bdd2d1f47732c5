// The C API over the communicator: checks arguments, turns results to statuses, keeps the last
// error's text.

#include "reduction/api/troupe.h"

#include "reduction/rank/communicator.hpp"

#include <pthread.h>
#include <set>

using namespace troupe;
using namespace troupe::reduction;

struct troupe_comm {
  std::shared_ptr<communicator> inner;
  uint32_t group = 0; // 0: all ranks
};

struct troupe_request {
  std::shared_ptr<communicator> comm;
  operation_ptr op;
};

namespace {

thread_local std::string last_error;

troupe_status failed(const error& why) {
  last_error = why.message;
  return static_cast<troupe_status>(why.code);
}

template <class... Args>
troupe_status refuse(fmt::format_string<Args...> format, Args&&... args) {
  return failed({errc::invalid_argument, fmt::format(format, std::forward<Args>(args)...)});
}

troupe_status status_of(const result<>& outcome) {
  return outcome ? TROUPE_OK : failed(outcome.error());
}

// Open communicators, for the child's side of a fork. The lock is held across the fork, so the
// child finds the set whole.
struct registry {
  checked_mutex mutex;
  std::set<communicator*> open TROUPE_GUARDED_BY(mutex);
};

registry& communicators();

// The lock is taken in one function and released in another.
void before_fork() TROUPE_UNCHECKED_LOCKING { communicators().mutex.lock(); }
void after_fork_in_parent() TROUPE_UNCHECKED_LOCKING { communicators().mutex.unlock(); }
void after_fork_in_child() TROUPE_UNCHECKED_LOCKING {
  for (auto* const each : communicators().open)
    each->abandon_after_fork();
  communicators().open.clear();
  communicators().mutex.unlock();
}

registry& communicators() {
  static auto* const made = [] {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    return new registry; // forks may happen as late as in exit handlers
  }();
  return *made;
}

troupe_status open(communicator_options options, troupe_comm** comm) {
  auto made = communicator::open(std::move(options));
  if (!made) return failed(made.error());
  auto& registered = communicators();
  const mutex_lock lock(registered.mutex);
  registered.open.insert(made->get());
  *comm = new troupe_comm{std::move(*made), 0};
  return TROUPE_OK;
}

// Arguments as the caller gave them, not checked yet.
struct request_form {
  troupe_comm* comm;
  operation_call call;
  unsigned type;
  unsigned op;
  troupe_memory memory;
};

troupe_status check(const request_form& form) {
  if (form.comm == nullptr) return refuse("comm is NULL");
  const auto& call = form.call;
  if (call.count > 0 && (call.input == nullptr || call.output == nullptr))
    return refuse("an array of {} elements is NULL", call.count);
  if (form.type >= dtype_count) return refuse("{} is not a troupe_dtype", form.type);
  if (form.op >= reduce_op_count) return refuse("{} is not a troupe_op", form.op);
  if (form.memory == TROUPE_CUDA)
    return failed({errc::unimplemented,
                   "CUDA memory is not supported by this build; copy to host memory first"});
  if (form.memory != TROUPE_HOST)
    return refuse("{} is not a troupe_memory", static_cast<unsigned>(form.memory));
  if (call.count >= (uint64_t{1} << 40))
    return refuse("{} elements are more than any memory holds", call.count);
  if (call.kind == collective::broadcast
      && call.root >= form.comm->inner->group_size(form.comm->group))
    return refuse("there is no rank {} to broadcast", call.root);
  return TROUPE_OK;
}

result<operation_ptr> begin(const request_form& form, bool soon) {
  auto call = form.call;
  call.type = static_cast<dtype>(form.type);
  call.op = static_cast<reduce_op>(form.op);
  return form.comm->inner->start(form.comm->group, call, soon);
}

troupe_status start(const request_form& form, troupe_request** request) try {
  if (request == nullptr) return refuse("request is NULL");
  *request = nullptr;
  if (const auto bad = check(form)) return bad;
  auto started = begin(form, false);
  if (!started) return failed(started.error());
  *request = new troupe_request{form.comm->inner, std::move(*started)};
  return TROUPE_OK;
} catch (const std::exception& problem) {
  return failed({errc::internal, problem.what()});
}

troupe_status carry_out(const request_form& form) try {
  if (const auto bad = check(form)) return bad;
  auto started = begin(form, true);
  if (!started) return failed(started.error());
  return status_of(form.comm->inner->wait(**started));
} catch (const std::exception& problem) {
  return failed({errc::internal, problem.what()});
}

request_form allreduce(troupe_comm* comm, const void* input, void* output, size_t count,
                       troupe_dtype type, troupe_op op, troupe_memory memory) {
  return {comm,
          {.kind = collective::allreduce, .input = input, .output = output, .count = count},
          static_cast<unsigned>(type),
          static_cast<unsigned>(op),
          memory};
}

request_form reduce_scatter(troupe_comm* comm, const void* input, void* output, size_t count,
                            troupe_dtype type, troupe_op op, troupe_memory memory) {
  auto form = allreduce(comm, input, output, count, type, op, memory);
  form.call.kind = collective::reduce_scatter;
  return form;
}

request_form allgather(troupe_comm* comm, const void* input, void* output, size_t count,
                       troupe_dtype type, troupe_memory memory) {
  auto form = allreduce(comm, input, output, count, type, TROUPE_SUM, memory);
  form.call.kind = collective::allgather;
  return form;
}

request_form broadcast(troupe_comm* comm, void* array, size_t count, troupe_dtype type,
                       uint32_t root, troupe_memory memory) {
  auto form = allreduce(comm, array, array, count, type, TROUPE_SUM, memory);
  form.call.kind = collective::broadcast;
  form.call.root = root;
  return form;
}

request_form barrier(troupe_comm* comm) {
  auto form = allreduce(comm, nullptr, nullptr, 0, TROUPE_UINT8, TROUPE_SUM, TROUPE_HOST);
  form.call.kind = collective::barrier;
  return form;
}

} // namespace

extern "C" {

troupe_status troupe_init_from_env(troupe_comm** comm) try {
  if (comm == nullptr) return refuse("comm is NULL");
  *comm = nullptr;
  auto options = communicator_options_from_env();
  if (!options) return failed(options.error());
  return open(std::move(*options), comm);
} catch (const std::exception& problem) {
  return failed({errc::internal, problem.what()});
}

troupe_status troupe_init(const troupe_options* given, troupe_comm** comm) try {
  if (comm == nullptr) return refuse("comm is NULL");
  *comm = nullptr;
  if (given == nullptr) return refuse("options is NULL");
  if (given->struct_size != sizeof *given)
    return refuse("options.struct_size is {}; expected sizeof(troupe_options), {}",
                  given->struct_size, sizeof *given);
  if (given->reducers == nullptr || given->job == nullptr || given->token == nullptr)
    return refuse("options.reducers, options.job and options.token must not be NULL");
  auto reducers = parse_host_ports(given->reducers);
  if (!reducers) return failed(reducers.error());
  communicator_options options;
  options.reducers = std::move(*reducers);
  options.job = given->job;
  options.token = given->token;
  options.attempt = given->attempt;
  options.rank = given->rank;
  options.world_size = given->world_size;
  if (given->timeout_ms != 0) options.timeout_ms = given->timeout_ms;
  if (given->connect_timeout_ms != 0) options.connect_timeout_ms = given->connect_timeout_ms;
  return open(std::move(options), comm);
} catch (const std::exception& problem) {
  return failed({errc::internal, problem.what()});
}

uint32_t troupe_rank(const troupe_comm* comm) { return comm->inner->group_rank(comm->group); }
uint32_t troupe_world_size(const troupe_comm* comm) { return comm->inner->group_size(comm->group); }
uint32_t troupe_reducer_count(const troupe_comm* comm) {
  return static_cast<uint32_t>(comm->inner->options().reducers.size());
}

troupe_status troupe_group(troupe_comm* comm, uint32_t id, const uint32_t* ranks, uint32_t size,
                           troupe_comm** group) try {
  if (comm == nullptr || group == nullptr) return refuse("comm or group is NULL");
  *group = nullptr;
  if (ranks == nullptr) return refuse("ranks is NULL");
  if (comm->group != 0) return refuse("a group of a group; give the communicator of troupe_init");
  if (auto made = comm->inner->add_group(id, {ranks, ranks + size}); !made)
    return failed(made.error());
  *group = new troupe_comm{comm->inner, id};
  return TROUPE_OK;
} catch (const std::exception& problem) {
  return failed({errc::internal, problem.what()});
}

troupe_status troupe_set_wire(troupe_comm* comm, troupe_wire wire) {
  if (comm == nullptr) return refuse("comm is NULL");
  switch (wire) {
  case TROUPE_WIRE_SAME:
    comm->inner->use_wire(std::nullopt);
    return TROUPE_OK;
  case TROUPE_WIRE_FLOAT16:
    comm->inner->use_wire(dtype::float16);
    return TROUPE_OK;
  case TROUPE_WIRE_BFLOAT16:
    comm->inner->use_wire(dtype::bfloat16);
    return TROUPE_OK;
  }
  return refuse("{} is not a troupe_wire", static_cast<unsigned>(wire));
}

troupe_status troupe_iallreduce(troupe_comm* comm, const void* input, void* output, size_t count,
                                troupe_dtype type, troupe_op op, troupe_memory memory,
                                troupe_request** request) {
  return start(allreduce(comm, input, output, count, type, op, memory), request);
}

troupe_status troupe_allreduce(troupe_comm* comm, const void* input, void* output, size_t count,
                               troupe_dtype type, troupe_op op, troupe_memory memory) {
  return carry_out(allreduce(comm, input, output, count, type, op, memory));
}

troupe_status troupe_ireduce_scatter(troupe_comm* comm, const void* input, void* output,
                                     size_t count, troupe_dtype type, troupe_op op,
                                     troupe_memory memory, troupe_request** request) {
  return start(reduce_scatter(comm, input, output, count, type, op, memory), request);
}

troupe_status troupe_reduce_scatter(troupe_comm* comm, const void* input, void* output,
                                    size_t count, troupe_dtype type, troupe_op op,
                                    troupe_memory memory) {
  return carry_out(reduce_scatter(comm, input, output, count, type, op, memory));
}

troupe_status troupe_iallgather(troupe_comm* comm, const void* input, void* output, size_t count,
                                troupe_dtype type, troupe_memory memory, troupe_request** request) {
  return start(allgather(comm, input, output, count, type, memory), request);
}

troupe_status troupe_allgather(troupe_comm* comm, const void* input, void* output, size_t count,
                               troupe_dtype type, troupe_memory memory) {
  return carry_out(allgather(comm, input, output, count, type, memory));
}

troupe_status troupe_ibroadcast(troupe_comm* comm, void* array, size_t count, troupe_dtype type,
                                uint32_t root, troupe_memory memory, troupe_request** request) {
  return start(broadcast(comm, array, count, type, root, memory), request);
}

troupe_status troupe_broadcast(troupe_comm* comm, void* array, size_t count, troupe_dtype type,
                               uint32_t root, troupe_memory memory) {
  return carry_out(broadcast(comm, array, count, type, root, memory));
}

troupe_status troupe_ibarrier(troupe_comm* comm, troupe_request** request) {
  return start(barrier(comm), request);
}

troupe_status troupe_barrier(troupe_comm* comm) { return carry_out(barrier(comm)); }

troupe_status troupe_wait(troupe_request* request) {
  if (request == nullptr) return refuse("request is NULL");
  const std::unique_ptr<troupe_request> owner(request);
  return status_of(request->comm->wait(*request->op));
}

troupe_status troupe_test(troupe_request* request, int* done) {
  if (request == nullptr || done == nullptr) return refuse("request or done is NULL");
  *done = request->comm->finished(*request->op) ? 1 : 0;
  return *done != 0 ? troupe_wait(request) : TROUPE_OK;
}

troupe_status troupe_get_stats(troupe_comm* comm, troupe_stats* stats) try {
  if (comm == nullptr || stats == nullptr) return refuse("comm or stats is NULL");
  if (stats->struct_size != sizeof *stats)
    return refuse("stats.struct_size is {}; expected sizeof(troupe_stats), {}", stats->struct_size,
                  sizeof *stats);
  const auto now = comm->inner->stats();
  *stats = {sizeof *stats,      now.operations,    now.bytes_sent,
            now.bytes_received, now.reducers,      now.reducers_alive,
            now.kappa,          now.reducer_share, {}};
  now.waiting_for.copy(stats->waiting_for, sizeof stats->waiting_for - 1);
  return TROUPE_OK;
} catch (const std::exception& problem) {
  return failed({errc::internal, problem.what()});
}

troupe_status troupe_finalize(troupe_comm* comm) {
  if (comm == nullptr) return TROUPE_OK;
  const std::unique_ptr<troupe_comm> owner(comm);
  if (comm->group != 0) {
    if (!comm->inner->health()) return TROUPE_OK;
    return status_of(comm->inner->end_group(comm->group));
  }
  const auto outcome = comm->inner->finalize();
  auto& registered = communicators();
  const mutex_lock lock(registered.mutex);
  registered.open.erase(comm->inner.get());
  return status_of(outcome);
}

const char* troupe_error_text(troupe_status status) {
  if (status == TROUPE_OK) return "OK";
  const auto name = name_of(static_cast<errc>(status));
  return name.empty() ? "UNKNOWN" : name.data(); // the names are literals
}

const char* troupe_last_error(void) { return last_error.c_str(); }

} // extern "C"
