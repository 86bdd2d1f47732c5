#include "host/published_endpoint.hpp"

#include "base/private_file.hpp"

namespace troupe::host {

result<> publish(const std::filesystem::path& data, const published_endpoint& endpoint) {
  if (auto made = make_private_directory(data); !made) return made;
  // The token first, so that a command that finds the endpoint also finds the token.
  if (auto written = write_private_file(data / token_file, endpoint.token + "\n"); !written)
    return written;
  return write_private_file(data / endpoint_file, endpoint.url + "\n");
}

} // namespace troupe::host
