/* libtroupe: collectives over arrays of all ranks of a job, through its reducers.
 *
 * A rank opens a communicator, starts all-reduces, and finalizes:
 *
 *     troupe_comm* comm;
 *     if (troupe_init_from_env(&comm)) die(troupe_last_error());
 *     if (troupe_allreduce(comm, grad, grad, n, TROUPE_FLOAT32, TROUPE_AVG, TROUPE_HOST))
 *       die(troupe_last_error());
 *     troupe_finalize(comm);
 *
 * Rules. Every rank starts the same operations (count, type, operator) in the same order; ranks
 * that disagree get TROUPE_FAILED_PRECONDITION. Functions may be called from any thread; ranks
 * agree on the order, so calls that start operations should come from one thread. After an error
 * that concerns the job (a rank is lost, ranks disagree) the communicator is spent: every operation
 * fails with the same error, and all that is left is troupe_finalize. Every rank gets the error,
 * which names the rank at fault, within two seconds of its death and within the timeout where it is
 * only silent.
 *
 * A reducer that is lost is no error: operations go on with the others, and without any the ranks
 * combine the arrays themselves. Results stay the same to the bit. A line on stderr reports it.
 *
 * Results. Values are combined in rank order, whatever the order of arrival, the number of reducers
 * or the size of chunks: all ranks get bitwise the same result, and the same one in every run.
 * float16 and bfloat16 are accumulated in float32 and rounded once. TROUPE_AVG divides the sum by
 * the number of ranks; on integers it truncates the exact quotient toward zero. Integer TROUPE_SUM
 * and TROUPE_PROD wrap around. TROUPE_MIN and TROUPE_MAX give NaN where any rank has NaN.
 *
 * Forking. A forked child must not use a communicator of its parent; the library closes the
 * connections in the child, so the parent is not harmed.
 */
#ifndef TROUPE_H
#define TROUPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TROUPE_API __attribute__((visibility("default")))

/* The result of a function. The numbers are those of google.rpc.Code. */
typedef enum troupe_status {
  TROUPE_OK = 0,
  TROUPE_CANCELLED = 1,           /* a reducer was asked to stop */
  TROUPE_UNKNOWN = 2,             /* something outside failed without saying how */
  TROUPE_INVALID_ARGUMENT = 3,    /* an argument or an environment variable is wrong */
  TROUPE_DEADLINE_EXCEEDED = 4,   /* a peer was silent for too long, or did not come in time */
  TROUPE_ALREADY_EXISTS = 6,      /* another process has this rank */
  TROUPE_FAILED_PRECONDITION = 9, /* ranks disagree, or the communicator was finalized */
  TROUPE_OUT_OF_RANGE = 11,       /* the reducer speaks another version of the protocol */
  TROUPE_UNIMPLEMENTED = 12,      /* this build cannot do it, such as reduce CUDA memory */
  TROUPE_INTERNAL = 13,           /* a bug */
  TROUPE_UNAVAILABLE = 14,        /* a rank is lost, or a reducer was before the start */
  TROUPE_UNAUTHENTICATED = 16     /* the token does not fit */
} troupe_status;

/* Element types. float16 is IEEE 754 binary16, bfloat16 the upper half of a float32. */
typedef enum troupe_dtype {
  TROUPE_FLOAT32 = 0,
  TROUPE_FLOAT64 = 1,
  TROUPE_FLOAT16 = 2,
  TROUPE_BFLOAT16 = 3,
  TROUPE_INT32 = 4,
  TROUPE_INT64 = 5,
  TROUPE_INT8 = 6,
  TROUPE_UINT8 = 7
} troupe_dtype;

typedef enum troupe_op {
  TROUPE_SUM = 0,
  TROUPE_AVG = 1,
  TROUPE_MIN = 2,
  TROUPE_MAX = 3,
  TROUPE_PROD = 4
} troupe_op;

/* Where an array lies. */
typedef enum troupe_memory {
  TROUPE_HOST = 0,
  TROUPE_CUDA = 1 /* TROUPE_UNIMPLEMENTED in this version */
} troupe_memory;

/* How the elements of float32 reductions travel. */
typedef enum troupe_wire {
  TROUPE_WIRE_SAME = 0,    /* as they are */
  TROUPE_WIRE_FLOAT16 = 1, /* half the bytes; each rank's value and the result are rounded to it */
  TROUPE_WIRE_BFLOAT16 = 2 /* likewise; sums are still accumulated in float32 */
} troupe_wire;

typedef struct troupe_comm troupe_comm; /* a rank's membership in a job, or in a group of it */
typedef struct troupe_request troupe_request; /* an operation under way */

typedef struct troupe_options {
  size_t struct_size;   /* sizeof(troupe_options), for later versions of this struct */
  const char* reducers; /* "host:port,host:port", in the same order on every rank; [v6]:port */
  const char* job;      /* the job's id; equal everywhere */
  const char* token;    /* the job's secret; equal everywhere, never sent */
  uint32_t attempt;     /* which attempt of the job; equal everywhere */
  uint32_t rank;        /* 0 to world_size - 1 */
  uint32_t world_size;  /* number of ranks */
  uint32_t timeout_ms;  /* a peer that is silent for longer is lost; 0: 10000 */
  uint32_t connect_timeout_ms; /* for troupe_init as a whole; 0: 60000 */
} troupe_options;

/* Opens a communicator from the environment: TROUPE_REDUCERS, TROUPE_JOB, TROUPE_TOKEN,
 * TROUPE_ATTEMPT (default 0), RANK, WORLD_SIZE, TROUPE_TIMEOUT_MS (default 10000),
 * TROUPE_CONNECT_TIMEOUT_MS (default 60000). Otherwise as troupe_init. */
TROUPE_API troupe_status troupe_init_from_env(troupe_comm** comm);

/* Opens a communicator: blocks until all ranks and all reducers have met. Reducers and ranks may
 * start in any order; connecting is retried until connect_timeout_ms. On an error *comm is NULL.
 * Errors: TROUPE_INVALID_ARGUMENT; TROUPE_DEADLINE_EXCEEDED, naming who did not come;
 * TROUPE_UNAUTHENTICATED; TROUPE_FAILED_PRECONDITION where job, attempt or world size differ from
 * the reducer's; TROUPE_UNAVAILABLE. */
TROUPE_API troupe_status troupe_init(const troupe_options* options, troupe_comm** comm);

/* This rank, the number of ranks, the number of reducers. */
TROUPE_API uint32_t troupe_rank(const troupe_comm* comm);
TROUPE_API uint32_t troupe_world_size(const troupe_comm* comm);
TROUPE_API uint32_t troupe_reducer_count(const troupe_comm* comm);

/* A communicator of some ranks of the job: ranks[i] is the job's rank of the group's rank i, `size`
 * of them, each at most once, this rank among them. `id` is 1 or above, equal on all members, and
 * names no other group of the job. Only the members call it, in any place among their calls; it
 * does not block. Operations of different communicators do not wait for each other. A group ends
 * with troupe_finalize, before the communicator that troupe_init gave. Errors:
 * TROUPE_INVALID_ARGUMENT for a list that is empty, names a rank twice, one that does not exist, or
 * not this one; TROUPE_ALREADY_EXISTS for an id in use. */
TROUPE_API troupe_status troupe_group(troupe_comm* comm, uint32_t id, const uint32_t* ranks,
                                      uint32_t size, troupe_comm** group);

/* How float32 reductions started from now on travel; the same on every rank. */
TROUPE_API troupe_status troupe_set_wire(troupe_comm* comm, troupe_wire wire);

/* The collectives. Counts are in elements; arrays lie in `memory`, and are the same array where
 * that is said, or do not overlap. A count may be 0 (the ranks still meet, and NULL is allowed). On
 * an error the content of the output is undefined. Errors: those of the rules above;
 * TROUPE_INVALID_ARGUMENT; TROUPE_UNIMPLEMENTED for TROUPE_CUDA.
 *
 * The functions with an i start an operation and return at once: the arrays stay valid, the input
 * unchanged and the output unread, until troupe_wait returns or troupe_test sets *done. Any number
 * may be under way. On an error *request is NULL. The others block until the operation is done. */

/* output[i] = op over the ranks r, in rank order, of r's input[i], on every rank, for i below
 * count. output may be input. */
TROUPE_API troupe_status troupe_allreduce(troupe_comm* comm, const void* input, void* output,
                                          size_t count, troupe_dtype type, troupe_op op,
                                          troupe_memory memory);
TROUPE_API troupe_status troupe_iallreduce(troupe_comm* comm, const void* input, void* output,
                                           size_t count, troupe_dtype type, troupe_op op,
                                           troupe_memory memory, troupe_request** request);

/* Rank r's output[i] = op over the ranks of input[r * count + i], for i below count; the input
 * holds world_size * count elements, the output count. output may be input + rank * count. */
TROUPE_API troupe_status troupe_reduce_scatter(troupe_comm* comm, const void* input, void* output,
                                               size_t count, troupe_dtype type, troupe_op op,
                                               troupe_memory memory);
TROUPE_API troupe_status troupe_ireduce_scatter(troupe_comm* comm, const void* input, void* output,
                                                size_t count, troupe_dtype type, troupe_op op,
                                                troupe_memory memory, troupe_request** request);

/* output[r * count + i] = rank r's input[i] on every rank; the input holds count elements, the
 * output world_size * count. input may be output + rank * count. */
TROUPE_API troupe_status troupe_allgather(troupe_comm* comm, const void* input, void* output,
                                          size_t count, troupe_dtype type, troupe_memory memory);
TROUPE_API troupe_status troupe_iallgather(troupe_comm* comm, const void* input, void* output,
                                           size_t count, troupe_dtype type, troupe_memory memory,
                                           troupe_request** request);

/* Every rank's array[i] becomes that of the rank `root`. */
TROUPE_API troupe_status troupe_broadcast(troupe_comm* comm, void* array, size_t count,
                                          troupe_dtype type, uint32_t root, troupe_memory memory);
TROUPE_API troupe_status troupe_ibroadcast(troupe_comm* comm, void* array, size_t count,
                                           troupe_dtype type, uint32_t root, troupe_memory memory,
                                           troupe_request** request);

/* Done when every rank has called it. */
TROUPE_API troupe_status troupe_barrier(troupe_comm* comm);
TROUPE_API troupe_status troupe_ibarrier(troupe_comm* comm, troupe_request** request);

/* Blocks until the operation is done, frees the request, and returns how it went. */
TROUPE_API troupe_status troupe_wait(troupe_request* request);

/* Sets *done to 1 and frees the request where the operation is done, and returns how it went;
 * otherwise sets *done to 0 and returns TROUPE_OK. */
TROUPE_API troupe_status troupe_test(troupe_request* request, int* done);

/* The state of the tier, as this rank sees it. Counters start at troupe_init. */
typedef struct troupe_stats {
  size_t struct_size;  /* sizeof(troupe_stats), set by the caller */
  uint64_t operations; /* done */
  uint64_t bytes_sent; /* payload to reducers and to other ranks */
  uint64_t bytes_received;
  uint32_t reducers; /* that the job began with */
  uint32_t reducers_alive;
  double kappa; /* their bandwidth together, in links of one worker */
  /* The part of a long array's bytes that goes through them; the workers do the rest. */
  double reducer_share;
  char waiting_for[256]; /* "waiting for rank 3 since 12 s", or "" */
} troupe_stats;
TROUPE_API troupe_status troupe_get_stats(troupe_comm* comm, troupe_stats* stats);

/* Leaves the job in good order and frees the communicator, on errors as well. NULL is allowed.
 * Requests must have been waited for: TROUPE_FAILED_PRECONDITION where one is still under way (it
 * fails then, on all ranks). A process that ends without this counts as dead. */
TROUPE_API troupe_status troupe_finalize(troupe_comm* comm);

/* The name of a status: "UNAVAILABLE". Never NULL. */
TROUPE_API const char* troupe_error_text(troupe_status status);

/* The error text of the last function that failed on this thread: the place, the problem, what to
 * do. Valid until the next call on this thread; "" if none has failed. */
TROUPE_API const char* troupe_last_error(void);

#ifdef __cplusplus
}
#endif

#endif
