// The environment contract of reducers and workers. The control plane sets these variables; a
// person may as well.

#include "reduction/reducer.hpp"
#include "reduction/rendezvous.hpp"

#include <charconv>
#include <cstdlib>

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
constexpr auto patience = "milliseconds for all ranks and reducers to meet";

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
  required(status, text_from("TROUPE_JOB", "the job's id"), out.job);
  required(status, text_from("TROUPE_TOKEN", "the job's secret"), out.token);
  required(status, number_from("TROUPE_WORLD_SIZE", "the number of ranks"), out.world_size);
  optional_number(status, "TROUPE_ATTEMPT", "which attempt of the job this is", out.attempt);
  optional_number(status, "TROUPE_TIMEOUT_MS", silence, out.timeout_ms);
  optional_number(status, "TROUPE_CONNECT_TIMEOUT_MS", patience, out.connect_timeout_ms);
  optional_number(status, "TROUPE_CHUNK_BYTES", "the size of a chunk in bytes", out.chunk_bytes);
  optional_number(status, "TROUPE_SLOTS", "how many chunks a rank may have under way", out.slots);
  if (!status) return std::unexpected(status.error());
  return out;
}

result<communicator_options> communicator_options_from_env() {
  communicator_options out;
  result<> status;
  std::string list;
  required(status, text_from("TROUPE_REDUCERS", "the job's reducers, host:port,host:port"), list);
  if (status) {
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
  if (!status) return std::unexpected(status.error());
  return out;
}

} // namespace troupe::reduction
