/* libtroupe: all-reduce arrays of all ranks of a job through its reducers.
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
 * that concerns the job (a rank or a reducer is lost, ranks disagree) the communicator is spent:
 * every operation fails with the same error, and all that is left is troupe_finalize. Every rank
 * gets the error, which names the rank or reducer at fault, within two seconds of a process's death
 * and within the timeout where a peer is only silent.
 *
 * Results. Values are combined in rank order, whatever the order of arrival, the number of reducers
 * or the size of chunks: all ranks get bitwise the same result, and the same one in every run.
 * float16 and bfloat16 are accumulated in float32 and rounded once. TROUPE_AVG divides the sum by
 * the number of ranks; on integers it truncates the exact quotient toward zero. Integer TROUPE_SUM
 * and TROUPE_PROD wrap around. TROUPE_MIN and TROUPE_MAX give NaN where any rank has NaN.
 *
 * Forking. A forked child must not use a communicator of its parent; the library lets go of the
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

/* What functions return. The numbers are those of google.rpc.Code. */
typedef enum troupe_status {
  TROUPE_OK = 0,
  TROUPE_CANCELLED = 1,           /* a reducer was told to stop */
  TROUPE_UNKNOWN = 2,             /* something outside failed without saying how */
  TROUPE_INVALID_ARGUMENT = 3,    /* an argument or an environment variable is wrong */
  TROUPE_DEADLINE_EXCEEDED = 4,   /* a peer was silent for too long, or did not come in time */
  TROUPE_ALREADY_EXISTS = 6,      /* another process has this rank */
  TROUPE_FAILED_PRECONDITION = 9, /* ranks disagree, or the communicator was finalized */
  TROUPE_OUT_OF_RANGE = 11,       /* the reducer speaks another version of the protocol */
  TROUPE_UNIMPLEMENTED = 12,      /* this build cannot do it, such as reduce CUDA memory */
  TROUPE_INTERNAL = 13,           /* a bug */
  TROUPE_UNAVAILABLE = 14,        /* a rank or a reducer is lost */
  TROUPE_UNAUTHENTICATED = 16     /* the token does not fit */
} troupe_status;

/* Element types. float16 is IEEE 754 binary16, bfloat16 the upper half of a float32. */
typedef enum troupe_dtype {
  TROUPE_FLOAT32 = 0,
  TROUPE_FLOAT64 = 1,
  TROUPE_FLOAT16 = 2,
  TROUPE_BFLOAT16 = 3,
  TROUPE_INT32 = 4,
  TROUPE_INT64 = 5
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

typedef struct troupe_comm troupe_comm;       /* a rank's membership in a job */
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

/* Combines `count` elements of all ranks, element by element, into `output` on every rank; blocks
 * until done. `input` and `output` hold `count` elements of `type` in `memory`, and are the same
 * array or do not overlap. count may be 0 (the ranks still meet, and NULL is allowed). On an error
 * the content of `output` is undefined. Errors: those of the rules above; TROUPE_INVALID_ARGUMENT;
 * TROUPE_UNIMPLEMENTED for TROUPE_CUDA. */
TROUPE_API troupe_status troupe_allreduce(troupe_comm* comm, const void* input, void* output,
                                          size_t count, troupe_dtype type, troupe_op op,
                                          troupe_memory memory);

/* Starts the same and returns at once. Both arrays stay valid, `input` unchanged and `output`
 * unread, until troupe_wait returns or troupe_test says done. Any number may be under way. On an
 * error *request is NULL. */
TROUPE_API troupe_status troupe_iallreduce(troupe_comm* comm, const void* input, void* output,
                                           size_t count, troupe_dtype type, troupe_op op,
                                           troupe_memory memory, troupe_request** request);

/* Blocks until the operation is done, frees the request, and returns how it went. */
TROUPE_API troupe_status troupe_wait(troupe_request* request);

/* Sets *done to 1 and frees the request where the operation is done, and returns how it went;
 * otherwise sets *done to 0 and returns TROUPE_OK. */
TROUPE_API troupe_status troupe_test(troupe_request* request, int* done);

/* Blocks until every rank has called it. Counts as an operation in the order. */
TROUPE_API troupe_status troupe_barrier(troupe_comm* comm);

/* Leaves the job in good order and frees the communicator, on errors as well. NULL is allowed.
 * Requests must have been waited for: TROUPE_FAILED_PRECONDITION where one is still under way (it
 * fails then, on all ranks). A process that ends without this counts as dead. */
TROUPE_API troupe_status troupe_finalize(troupe_comm* comm);

/* The name of a status: "UNAVAILABLE". Never NULL. */
TROUPE_API const char* troupe_error_text(troupe_status status);

/* What the last function that failed on this thread has to say: who, what, what to do. Valid until
 * the next call on this thread; "" where none has failed. */
TROUPE_API const char* troupe_last_error(void);

#ifdef __cplusplus
}
#endif

#endif
