#include "reduction/rank/environment.hpp"

#include "reduction/control/environment.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace troupe::reduction {
namespace {

result<> read_kappa(double& out) {
  const auto text = variable("TROUPE_KAPPA");
  if (!text) return {};
  if (*text == "measure") {
    out = std::numeric_limits<double>::quiet_NaN();
    return {};
  }
  const auto* const last = text->data() + text->size();
  const auto [end, code] = std::from_chars(text->data(), last, out);
  if (code != std::errc() || end != last || !(out >= 0) || std::isinf(out))
    return fail(errc::invalid_argument,
                "TROUPE_KAPPA is \"{}\"; expected the reducers' bandwidth together in links of one "
                "rank, such as 4 or 2.5, or \"measure\"",
                *text);
  return {};
}

void read_addresses(environment_reader& reader, communicator_options& out) {
  if (variable("TROUPE_HUB"))
    reader.required("TROUPE_HUB", "where rank 0 listens, host:port", out.hub.emplace());
  if (out.hub && !variable("TROUPE_REDUCERS")) return;
  std::string list;
  reader.required("TROUPE_REDUCERS", "the job's reducers, host:port,host:port", list);
  if (!reader.good()) return;
  auto reducers = parse_host_ports(list);
  if (!reducers)
    return reader.fail_with(
        {errc::invalid_argument, "TROUPE_REDUCERS: " + reducers.error().message});
  out.reducers = std::move(*reducers);
}

} // namespace

result<communicator_options> communicator_options_from_env() {
  using reader = environment_reader;
  reader in;
  communicator_options out;
  read_addresses(in, out);
  in.required("TROUPE_JOB", "the job's id", out.job);
  in.required("TROUPE_TOKEN", "the job's secret", out.token);
  in.required("RANK", "this process's rank", out.rank);
  in.required("WORLD_SIZE", "the number of ranks", out.world_size);
  in.optional("TROUPE_ATTEMPT", "which attempt of the job this is", out.attempt);
  in.optional("TROUPE_TIMEOUT_MS", reader::silence, out.timeout_ms);
  in.optional("TROUPE_CONNECT_TIMEOUT_MS", reader::connecting, out.connect_timeout_ms);
  in.optional("TROUPE_THREADS", "how many threads serve the data path", out.threads);
  in.optional("TROUPE_SPIN_US", reader::spinning, out.spin_us);
  if (auto read = read_kappa(out.kappa); !read) in.fail_with(read.error());
  if (!in.good()) return std::unexpected(in.outcome().error());
  return out;
}

} // namespace troupe::reduction
