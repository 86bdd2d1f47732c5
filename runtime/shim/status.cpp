#include "runtime/shim/status.hpp"

#include <cstdio>

namespace troupe::runtime::shim {

std::string encode(const status& from) {
  char head[160];
  int size = std::snprintf(head, sizeof head, "%d %d %d %d %d %lld %lld\n", int(from.phase),
                           from.exit_code, from.signal, int(from.permanent),
                           int(from.out_of_memory), static_cast<long long>(from.started_micros),
                           static_cast<long long>(from.ended_micros));
  return std::string(head, size_t(size)) + from.message.substr(0, message_bytes_max);
}

std::optional<status> decode_status(std::string_view bytes) {
  auto end = bytes.find('\n');
  if (end == bytes.npos) return std::nullopt;
  std::string head(bytes.substr(0, end));
  int phase = 0, permanent = 0, out_of_memory = 0;
  long long started = 0, ended = 0;
  status out;
  if (std::sscanf(head.c_str(), "%d %d %d %d %d %lld %lld", &phase, &out.exit_code, &out.signal,
                  &permanent, &out_of_memory, &started, &ended)
          != 7
      || phase < 1 || phase > 3)
    return std::nullopt;
  out.phase = shim::phase(phase);
  out.permanent = permanent != 0;
  out.out_of_memory = out_of_memory != 0;
  out.started_micros = started;
  out.ended_micros = ended;
  out.message = bytes.substr(end + 1);
  return out;
}

} // namespace troupe::runtime::shim
