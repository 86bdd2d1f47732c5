// The environment contract of reducers and workers. The control plane sets these variables; a
// person may as well.

#include "reduction/rank/rendezvous.hpp"
#include "reduction/reducer/reducer.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace troupe::reduction {
namespace {

result<std::string> text_from(const char* name, std::string_view meaning) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    return fail(errc::invalid_argument, "{} is not set; expected {}", name, meaning);
  return std::string(value);
}

result<uint32_t> number_from(const char* name, std::string_view meaning) {
  const auto text = text_from(name, meaning);
  if (!text) return std::unexpected(text.error());
  uint32_t value = 0;
  const auto* const last = text->data() + text->size();
  const auto [end, code] = std::from_chars(text->data(), last, value);
  if (code != std::errc() || end != last)
    return fail(errc::invalid_argument, "{} is \"{}\"; expected {}, a whole number", name, *text,
                meaning);
  return value;
}

// Leaves the default where the variable is not set, and keeps the first error.
void optional_number(result<>& status, const char* name, std::string_view meaning, uint32_t& out) {
  const char* const set = std::getenv(name);
  if (!status || set == nullptr || *set == '\0') return;
  const auto value = number_from(name, meaning);
  if (value)
    out = *value;
  else
    status = std::unexpected(value.error());
}

template <class T>
void required(result<>& status, result<T> value, T& out) {
  if (!status) return;
  if (value)
    out = std::move(*value);
  else
    status = std::unexpected(value.error());
}

constexpr auto silence = "milliseconds of silence after which a peer counts as lost";
constexpr auto spinning = "microseconds of polling before sleeping";
constexpr auto patience = "milliseconds for all ranks and reducers to meet";

result<> read_kappa(double& out) {
  const char* const set = std::getenv("TROUPE_KAPPA");
  if (set == nullptr || *set == '\0') return {};
  const std::string_view text = set;
  if (text == "measure") {
    out = std::numeric_limits<double>::quiet_NaN();
    return {};
  }
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc() || end != text.data() + text.size() || !(out >= 0) || std::isinf(out))
    return fail(errc::invalid_argument,
                "TROUPE_KAPPA is \"{}\"; expected the reducers' bandwidth together in links of one "
                "rank, such as 4 or 2.5, or \"measure\"",
                text);
  return {};
}

} // namespace

result<reducer_options> reducer_options_from_env() {
  reducer_options out;
  result<> status;
  std::string listen;
  required(status, text_from("TROUPE_LISTEN", "the address to listen on, host:port"), listen);
  if (status) {
    auto where = parse_host_port(listen);
    if (!where) return fail(errc::invalid_argument, "TROUPE_LISTEN: {}", where.error().message);
    out.bind_address = where->host;
    out.port = where->port;
  }
  if (const char* const key = std::getenv("TROUPE_SHARED_KEY"); key != nullptr && *key != '\0') {
    out.shared_key = key;
    optional_number(status, "TROUPE_MAX_JOBS", "how many jobs it serves at a time", out.max_jobs);
  } else {
    required(status, text_from("TROUPE_JOB", "the job's id"), out.job);
    required(status, text_from("TROUPE_TOKEN", "the job's secret"), out.token);
    required(status, number_from("TROUPE_WORLD_SIZE", "the number of ranks"), out.world_size);
    optional_number(status, "TROUPE_ATTEMPT", "which attempt of the job this is", out.attempt);
  }
  optional_number(status, "TROUPE_TIMEOUT_MS", silence, out.timeout_ms);
  optional_number(status, "TROUPE_CONNECT_TIMEOUT_MS", patience, out.connect_timeout_ms);
  optional_number(status, "TROUPE_CHUNK_BYTES", "the size of a chunk in bytes", out.chunk_bytes);
  optional_number(status, "TROUPE_SLOTS", "how many chunks a rank may have under way", out.slots);
  optional_number(status, "TROUPE_THREADS", "how many threads combine chunks", out.threads);
  optional_number(status, "TROUPE_SPIN_US", spinning, out.spin_us);
  if (!status) return std::unexpected(status.error());
  return out;
}

result<communicator_options> communicator_options_from_env() {
  communicator_options out;
  result<> status;
  std::string list;
  const char* const hub = std::getenv("TROUPE_HUB");
  if (hub != nullptr && *hub != '\0') {
    auto where = parse_host_port(hub);
    if (!where) return fail(errc::invalid_argument, "TROUPE_HUB: {}", where.error().message);
    out.hub = std::move(*where);
  }
  if (const char* const set = std::getenv("TROUPE_REDUCERS");
      !out.hub || (set != nullptr && *set != '\0'))
    required(status, text_from("TROUPE_REDUCERS", "the job's reducers, host:port,host:port"), list);
  if (status && !list.empty()) {
    auto reducers = parse_host_ports(list);
    if (!reducers)
      return fail(errc::invalid_argument, "TROUPE_REDUCERS: {}", reducers.error().message);
    out.reducers = std::move(*reducers);
  }
  required(status, text_from("TROUPE_JOB", "the job's id"), out.job);
  required(status, text_from("TROUPE_TOKEN", "the job's secret"), out.token);
  required(status, number_from("RANK", "this process's rank"), out.rank);
  required(status, number_from("WORLD_SIZE", "the number of ranks"), out.world_size);
  optional_number(status, "TROUPE_ATTEMPT", "which attempt of the job this is", out.attempt);
  optional_number(status, "TROUPE_TIMEOUT_MS", silence, out.timeout_ms);
  optional_number(status, "TROUPE_CONNECT_TIMEOUT_MS", patience, out.connect_timeout_ms);
  optional_number(status, "TROUPE_THREADS", "how many threads serve the data path", out.threads);
  optional_number(status, "TROUPE_SPIN_US", spinning, out.spin_us);
  if (status) status = read_kappa(out.kappa);
  if (!status) return std::unexpected(status.error());
  return out;
}

} // namespace troupe::reduction
