#include "reduction/reducer/environment.hpp"

#include "reduction/control/environment.hpp"

namespace troupe::reduction {

result<reducer_options> reducer_options_from_env() {
  using reader = environment_reader;
  reader in;
  reducer_options out;
  host_port listen;
  in.required("TROUPE_LISTEN", "the address to listen on, host:port", listen);
  out.bind_address = listen.host;
  out.port = listen.port;
  if (auto key = variable("TROUPE_SHARED_KEY")) {
    out.shared_key = std::move(*key);
    in.optional("TROUPE_MAX_JOBS", "how many jobs it serves at a time", out.max_jobs);
  } else {
    in.required("TROUPE_JOB", "the job's id", out.job);
    in.required("TROUPE_TOKEN", "the job's secret", out.token);
    in.required("TROUPE_WORLD_SIZE", "the number of ranks", out.world_size);
    in.optional("TROUPE_ATTEMPT", "which attempt of the job this is", out.attempt);
  }
  in.optional("TROUPE_TIMEOUT_MS", reader::silence, out.timeout_ms);
  in.optional("TROUPE_CONNECT_TIMEOUT_MS", reader::connecting, out.connect_timeout_ms);
  in.optional("TROUPE_CHUNK_BYTES", "the size of a chunk in bytes", out.chunk_bytes);
  in.optional("TROUPE_SLOTS", "how many chunks a rank may have under way", out.slots);
  in.optional("TROUPE_THREADS", "how many threads combine chunks", out.threads);
  in.optional("TROUPE_SPIN_US", reader::spinning, out.spin_us);
  if (!in.good()) return std::unexpected(in.outcome().error());
  return out;
}

} // namespace troupe::reduction
