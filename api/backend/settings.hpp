// Settings of the API's server.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace troupe::api {

struct server_settings {
  std::string listen = "127.0.0.1:0"; // host:port; port 0: one that is free
  std::string token;                  // every request but GET /healthz must carry it; never empty
  std::string project = "local";      // named in errors about other projects
  std::string location = "local";
  size_t body_bytes_max = 16 << 20;

  /// Where users find the token. Ends a sentence in every 401 response.
  std::string token_place = "in the token file that the controller wrote beside its data";

  std::chrono::milliseconds command_timeout_ms{30'000}; // for the controller's answer; then 504
  std::chrono::milliseconds node_timeout_ms{5'000};     // for one node's logs
  /// For a request's body to arrive, and for a response to be sent.
  std::chrono::milliseconds transfer_timeout_ms{60'000};
  std::chrono::milliseconds header_timeout_ms{15'000};
  std::chrono::milliseconds idle_timeout_ms{60'000}; // between two requests of a connection
  size_t connections_max = 512;                      // further connections are closed at once
};

} // namespace troupe::api
