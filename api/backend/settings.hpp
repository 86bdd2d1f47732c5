// What an admin may choose about the API's server.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace troupe::api {

struct server_settings {
  std::string listen = "127.0.0.1:0"; // host:port; port 0: one that is free
  std::string token;                  // every request but GET /healthz must bear it; never empty
  std::string project = "local";      // named in hints to people who ask for another one
  std::string location = "local";
  size_t body_bytes_max = 16 << 20;

  /// Where a user finds the token, as the end of a sentence; part of every 401.
  std::string token_place = "in the token file that the controller wrote beside its data";

  std::chrono::milliseconds command_timeout_ms{30'000}; // for the controller's answer; then 504
  std::chrono::milliseconds node_timeout_ms{5'000};     // for one node's logs
  std::chrono::milliseconds transfer_timeout_ms{
      60'000}; // for a request's body to arrive, a response to leave
  std::chrono::milliseconds header_timeout_ms{15'000};
  std::chrono::milliseconds idle_timeout_ms{60'000}; // between two requests of a connection
  size_t connections_max = 512;                      // more are closed as they come
};

} // namespace troupe::api
