// The C API over the communicator: checks arguments, turns results to statuses, keeps the last
// error's text.

#include "reduction/troupe.h"

#include "reduction/communicator.hpp"

#include <pthread.h>
#include <set>

using namespace troupe;
using namespace troupe::reduction;

struct troupe_comm {
  std::shared_ptr<communicator> inner;
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
  std::mutex mutex;
  std::set<communicator*> open;
};

registry& communicators() {
  static auto* const made = [] {
    pthread_atfork([] { communicators().mutex.lock(); }, [] { communicators().mutex.unlock(); },
                   [] {
                     for (auto* const each : communicators().open)
                       each->abandon_after_fork();
                     communicators().open.clear();
                     communicators().mutex.unlock();
                   });
    return new registry; // forks may happen as late as in exit handlers
  }();
  return *made;
}

troupe_status open(communicator_options options, troupe_comm** comm) {
  auto made = communicator::open(std::move(options));
  if (!made) return failed(made.error());
  auto& all = communicators();
  const std::lock_guard lock(all.mutex);
  all.open.insert(made->get());
  *comm = new troupe_comm{std::move(*made)};
  return TROUPE_OK;
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

uint32_t troupe_rank(const troupe_comm* comm) { return comm->inner->options().rank; }
uint32_t troupe_world_size(const troupe_comm* comm) { return comm->inner->options().world_size; }
uint32_t troupe_reducer_count(const troupe_comm* comm) {
  return static_cast<uint32_t>(comm->inner->options().reducers.size());
}

troupe_status troupe_iallreduce(troupe_comm* comm, const void* input, void* output, size_t count,
                                troupe_dtype type, troupe_op op, troupe_memory memory,
                                troupe_request** request) try {
  if (comm == nullptr || request == nullptr) return refuse("comm or request is NULL");
  *request = nullptr;
  if (count > 0 && (input == nullptr || output == nullptr))
    return refuse("an array of {} elements is NULL", count);
  if (static_cast<unsigned>(type) >= dtype_count)
    return refuse("{} is not a troupe_dtype", static_cast<unsigned>(type));
  if (static_cast<unsigned>(op) >= reduce_op_count)
    return refuse("{} is not a troupe_op", static_cast<unsigned>(op));
  if (memory == TROUPE_CUDA)
    return failed({errc::unimplemented,
                   "CUDA memory is not supported by this build; copy to host memory first"});
  if (memory != TROUPE_HOST)
    return refuse("{} is not a troupe_memory", static_cast<unsigned>(memory));
  if (count > (size_t{1} << 56)) return refuse("{} elements are more than any memory holds", count);
  auto started = comm->inner->start(input, output, count, static_cast<dtype>(type),
                                    static_cast<reduce_op>(op));
  if (!started) return failed(started.error());
  *request = new troupe_request{comm->inner, std::move(*started)};
  return TROUPE_OK;
} catch (const std::exception& problem) {
  return failed({errc::internal, problem.what()});
}

troupe_status troupe_allreduce(troupe_comm* comm, const void* input, void* output, size_t count,
                               troupe_dtype type, troupe_op op, troupe_memory memory) {
  troupe_request* request = nullptr;
  const auto status = troupe_iallreduce(comm, input, output, count, type, op, memory, &request);
  return status == TROUPE_OK ? troupe_wait(request) : status;
}

troupe_status troupe_wait(troupe_request* request) {
  if (request == nullptr) return refuse("request is NULL");
  const std::unique_ptr<troupe_request> owner(request);
  return status_of(request->comm->wait(*request->op));
}

troupe_status troupe_test(troupe_request* request, int* done) {
  if (request == nullptr || done == nullptr) return refuse("request or done is NULL");
  *done = request->comm->done(*request->op) ? 1 : 0;
  return *done != 0 ? troupe_wait(request) : TROUPE_OK;
}

troupe_status troupe_barrier(troupe_comm* comm) {
  return troupe_allreduce(comm, nullptr, nullptr, 0, TROUPE_INT32, TROUPE_SUM, TROUPE_HOST);
}

troupe_status troupe_finalize(troupe_comm* comm) {
  if (comm == nullptr) return TROUPE_OK;
  const std::unique_ptr<troupe_comm> owner(comm);
  const auto outcome = comm->inner->finalize();
  auto& all = communicators();
  const std::lock_guard lock(all.mutex);
  all.open.erase(comm->inner.get());
  return status_of(outcome);
}

const char* troupe_error_text(troupe_status status) {
  if (status == TROUPE_OK) return "OK";
  const auto name = name_of(static_cast<errc>(status));
  return name.empty() ? "UNKNOWN" : name.data(); // the names are literals
}

const char* troupe_last_error(void) { return last_error.c_str(); }

} // extern "C"
